from pathlib import Path

from flows.checking.drafting import draft
from flows.wizard.commented import commented
from privacy.schema.schema import Csv
from tests.flows.wizard.people import patients

DRAFT = """\
# Head words, of no column.

draft: unconfirmed
name: stays
# unit: the identifier column that names the person
# is it pid? then draft again
#   with --unit pid
surplus_columns: drop  # left out:
#   note: free text
columns:
  pid:
    kind: identifier  # a guess: nearly every row has its own
  ward:
    kind: categorical
    categories:
      - 'A # 1'  # READ FROM PRIVATE ROWS: confirm that this is public
      - "B"  # READ FROM PRIVATE ROWS: confirm that this is public
  day:
    kind: datetime
    format: '%d#%m#%Y'  # which? '%m#%d#%Y' as well  # READ FROM PRIVATE ROWS: confirm that this is public
    bounds: [2020-01-01, 2020-12-31]
targets: []
# relations:
#  - {order: [day, out]}  # READ FROM PRIVATE ROWS: confirm that this is public
#  - {equal: [a, b]}
# targets:
#  - {task: classification, column: died, positive: ['1']}
# subgroups:  # whom it must serve
#  - {column: …}
"""


def test_what_a_draft_says_in_comments_is_kept_apart_from_what_it_says_in_yaml() -> None:
    found = commented(DRAFT)
    assert "draft" not in found.document
    assert found.document["columns"]["ward"]["categories"] == ["A # 1", "B"]
    assert found.copied == ("ward", "day")
    assert found.notes["pid"] == ("a guess: nearly every row has its own",)
    assert found.notes["ward"] == ()
    assert found.notes["day"] == ("which? '%m#%d#%Y' as well",)
    assert found.proposals == {
        "relations": ({"order": ["day", "out"]}, {"equal": ["a", "b"]}),
        "targets": ({"task": "classification", "column": "died", "positive": ["1"]},),
        "subgroups": (),
    }
    assert found.remarks == (
        "unit: the identifier column that names the person",
        "is it pid? then draft again with --unit pid",
        "left out: note: free text",
    )


def test_a_real_draft_is_read_so(tmp_path: Path) -> None:
    found = commented(draft([patients(tmp_path / "patients.csv")], Csv()).text)
    assert set(found.copied) >= {"age", "sex", "ward", "admitted", "died"}
    assert {"order": ["admitted", "discharged"]} in found.proposals["relations"]
    assert "A#1" in found.document["columns"]["ward"]["categories"]
