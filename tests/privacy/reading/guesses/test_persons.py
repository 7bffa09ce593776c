import pandas as pd
import pytest

from privacy.reading.guesses.persons import is_free_text, looks

PEOPLE = pd.Series(
    [f"{a} {b}" for a in ("Anna", "Jan", "Zoë", "Peter") for b in ("Berg", "O’Neil", "Li")]
)
WARDS = pd.Series([f"Ward {i}" for i in range(12)])
SAID = pd.Series([f"walks for {i} days, wife will call" for i in range(20)])


@pytest.mark.parametrize(
    ("name", "texts", "told"),
    [
        ("Name", PEOPLE, "names a person"),
        ("Ward", PEOPLE, ""),  # a pair of words says little where the column is called otherwise
        ("Name", WARDS, ""),
        ("Ward", pd.Series([f"Berg, {a}" for a in "ABCDEFGHIJKL"]), "names a person"),
        ("Name", PEOPLE[:5], ""),
    ],
)
def test_a_column_that_is_called_name_and_holds_names_names_people(name, texts, told) -> None:
    assert looks(name, texts) == told


def test_a_few_sentences_are_free_text_where_the_column_is_called_so() -> None:
    assert is_free_text("Comment", SAID, 3000)
    assert is_free_text("nurse_notes", SAID, 3000)
    assert not is_free_text("discharge_to", SAID, 3000)
    assert not is_free_text("Comment", WARDS, 3000)
