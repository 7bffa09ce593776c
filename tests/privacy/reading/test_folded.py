"""Files of tables that belong together, read as rows of visits, and what no visit says."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from privacy.errors import DataError, InputError
from privacy.reading.folded import by_table
from privacy.reading.formats.strict import NULL
from privacy.reading.source import read_source, read_tables
from tests.made_tables import FILES, SCHEMA, written


def rows(folder: Path) -> pd.DataFrame:
    return read_source((folder,), SCHEMA).texts.to_pandas().replace(NULL, "")


def notes(folder: Path) -> list[str]:
    return [str(n) for n in read_tables(by_table((folder,), SCHEMA), SCHEMA).unfolded]


def test_rows_of_all_tables_are_those_of_the_visits(tmp_path: Path) -> None:
    found = rows(written(tmp_path / "in"))
    assert list(found) == list(SCHEMA.columns)
    assert found.set_index("visit").to_dict("index") == {
        "1": {
            "who": "007", "sex": "F", "died": "no", "died_on": "", "day": "2021-03-02", "diabetes": "1",
            "asthma": "1", "sbp": "140", "sbp_again": "131", "a1c": "6.5", "drug": "", "dose": "",
        },
        "2": {
            "who": "b", "sex": "M", "died": "yes", "died_on": "2022-01-01", "day": "2021-05-01",
            "diabetes": "0", "asthma": "0", "sbp": "", "sbp_again": "", "a1c": "", "drug": "x", "dose": "10",
        },
        "3": {
            "who": "b", "sex": "M", "died": "yes", "died_on": "2022-01-01", "day": "2021-09-01",
            "diabetes": "1", "asthma": "0", "sbp": "118", "sbp_again": "", "a1c": "", "drug": "y", "dose": "",
        },
    }  # fmt: skip


def test_files_one_by_one_in_any_order_are_the_folder(tmp_path: Path) -> None:
    folder = written(tmp_path / "in")
    (folder / "notes.txt").write_text("nothing of the schema's")
    files = tuple(folder / f"{n}.csv" for n in reversed(FILES))
    assert read_source(files, SCHEMA).texts.equals(read_source((folder,), SCHEMA).texts)
    table = pd.read_csv(folder / "values.csv", dtype=str)
    (folder / "values.csv").unlink()
    table.to_parquet(folder / "values.parquet")
    assert read_source((folder,), SCHEMA).texts.equals(read_source((folder,), SCHEMA).texts)


def test_sheets_of_a_workbook_and_queries_are_tables(tmp_path: Path) -> None:
    folder = written(tmp_path / "in")
    queries = {}
    with pd.ExcelWriter(tmp_path / "all.xlsx") as book, duckdb.connect(tmp_path / "db") as database:
        for name in FILES:
            table = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
            table.to_excel(book, sheet_name=name, index=False)
            database.register("given", table)
            database.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
            queries[name] = f'SELECT * FROM "{name}" ORDER BY rowid'
        pd.DataFrame({"code": ["X"], "means": ["Y"]}).to_excel(book, sheet_name="Legend")
    asked = {"database": "db", "tables": queries}
    (tmp_path / "all.query.yaml").write_text(yaml.safe_dump(asked))
    for name in ("all.xlsx", "all.query.yaml"):
        pd.testing.assert_frame_equal(rows(tmp_path / name), rows(folder))
    sheets = tuple(tmp_path / f"all.xlsx#{n}" for n in FILES)
    pd.testing.assert_frame_equal(
        read_source(sheets, SCHEMA).texts.to_pandas().replace(NULL, ""), rows(folder)
    )


def test_a_file_of_visits_is_read_as_one(tmp_path: Path) -> None:
    rows(written(tmp_path / "in")).to_csv(tmp_path / "long.csv", index=False)
    found = read_source((tmp_path / "long.csv",), SCHEMA).texts.to_pandas()
    pd.testing.assert_frame_equal(found, rows(tmp_path / "in"))


def test_what_no_visit_says_is_counted(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "in",
        diagnoses=FILES["diagnoses"]
        + "6,1,007,2021-03-03,X\n5,1,007,2021-03-02,E11\n4,,007,,E11\n",
        values=FILES["values"] + "SBP,kPa,16,2\nA1c,%,,2\n",
    )
    assert notes(folder) == [
        "people: 1 rows have no row in visits, so they are in no release, first 'c'",
        "diagnoses: 1 rows have no visit, so they belong to nothing, first row 6",
        "diagnoses: 1 rows are none that `rows:` tell (code), first row 4",
        "diagnoses: 1 rows are more of a kind than `rows:` have places, first row 5",
        "diagnoses: 1 rows have another since than the day that it repeats, which is kept in its place, "
        "first row 4",
        "values: 1 rows are none that `rows:` tell (what, in), first row 5",
        "values: 1 rows hold no value, first row 6",
    ]
    rows(folder)  # a release goes on


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"people": FILES["people"] + "b,F\n"}, "1 rows name a who that another row names"),
        ({"visits": FILES["visits"] + "4,z,2021-01-01\n"}, "'z' in row 4"),
        ({"visits": FILES["visits"] + "3,b,2021-01-01\n"}, "visit '3'"),
        ({"drugs": FILES["drugs"] + "77,x,1\n"}, "have a visit that is in no row of what they"),
        ({"diagnoses": FILES["diagnoses"] + "6,1,b,2021-03-02,X\n"}, "name another who in who than"),
        ({"deaths": FILES["deaths"] + "nobody,2022-01-01\n"}, "'nobody' in row 2"),
        ({"drugs": "visit,name\n2,x\n"}, "column 'mg' of table 'drugs' is not in the file"),
        ({"drugs": "visit,name,mg,note\n2,x,10,z\n"}, "column 'note' is not in the schema"),
        ({"people": "who,sex\n"}, "holds no visit|in no row of what they belong to"),
    ],
)  # fmt: skip
def test_files_that_contradict_each_other_are_refused(
    tmp_path: Path, changed: dict[str, str], says: str
) -> None:
    with pytest.raises(DataError) as error:
        rows(written(tmp_path / "in", **changed))
    assert any(part in error.value.private for part in says.split("|"))
    assert "\n" not in error.value.private


def test_a_row_of_somebody_else_is_refused_where_its_column_is_dropped_too(tmp_path: Path) -> None:
    """A row at one's visit that is another's would be read where the one is, and not where the other is."""
    schema = SCHEMA.model_copy(update={"surplus_columns": "drop"})
    folder = written(tmp_path / "in", drugs="visit,name,mg,who\n1,x,10,007\n2,x,10,\n3,y,,b\n")
    assert set(read_source((folder,), schema).texts["drug"].to_pylist()) == {"x", "y"}
    written(folder, drugs="visit,name,mg,who\n1,x,10,007\n2,x,10,007\n")
    with pytest.raises(DataError) as error:
        read_source((folder,), schema)
    assert (
        "1 rows name another who in who than what they belong to, first row 2"
        in error.value.private
    )


def test_a_table_without_rows_is_one(tmp_path: Path) -> None:
    found = rows(written(tmp_path / "in", deaths="who,day\n"))
    assert set(found["died"]) == {"no"}


def test_a_table_without_a_file_and_a_file_without_a_table_are_told(tmp_path: Path) -> None:
    folder = written(tmp_path / "in")
    (folder / "other.csv").write_text("a\n1\n")
    files = tuple(folder / f"{n}.csv" for n in FILES)
    with pytest.raises(InputError, match=r"no table of the schema is called 'other'"):
        by_table((*files, folder / "other.csv"), SCHEMA)
    with pytest.raises(InputError, match=r"table 'drugs' has no file; give drugs\.csv too"):
        by_table(files[:-1], SCHEMA)
    (folder / "drugs.parquet").write_bytes(b"")
    with pytest.raises(InputError, match="is table 'drugs' already"):
        by_table((folder,), SCHEMA)


def test_decimal_commas_are_read_in_every_table(tmp_path: Path) -> None:
    schema = SCHEMA.model_copy(
        update={"csv": SCHEMA.csv.model_copy(update={"separator": ";", "decimal": ","})}
    )
    changed = {n: t.replace(",", ";").replace("6.5", "6,5") for n, t in FILES.items()}
    folder = written(tmp_path / "in", **changed)
    assert "6.5" in read_source((folder,), schema).texts["a1c"].to_pylist()
