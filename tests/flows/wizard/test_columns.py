from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.wizard.columns import KINDS, changed, dumped, shown
from privacy.errors import InputError

SCHEMAS = sorted((Path(__file__).parents[3] / "configs" / "schemas").glob("*.yaml"))
USUAL = {"missing": "refuse", "out_of_range": "refuse", "missing_values": [""], "description": ""}


def filled(column: dict[str, Any], **other: str) -> dict[str, str]:
    """The form of a column as a browser sends it: a ticked box is there, another is not."""
    fields = {k: v for k, v in shown(column).items() if v is not False}
    return {
        k: "on" if v is True else str(v).replace("\n", "\r\n") for k, v in fields.items()
    } | other


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda p: p.stem)
def test_a_form_that_nobody_changed_changes_no_column(path: Path) -> None:
    for name, column in yaml.safe_load(path.read_text("utf-8"))["columns"].items():
        if column["kind"] not in KINDS:
            continue
        found = changed(name, column, filled(column))
        for key in {*found, *column}:
            assert found.get(key, USUAL.get(key)) == column.get(key, USUAL.get(key)), (name, key)


def test_fields_change_what_they_name_and_leave_the_rest() -> None:
    age = {"kind": "integer", "bounds": [18, 95], "spikes": [50], "out_of_range": "clamp"}
    found = changed("age", age, filled(age, high="110", bins="18, 40, 65, 110", missing="on"))
    assert found == {
        "kind": "integer",
        "bounds": [18, 110],
        "bins": [18, 40, 65, 110],
        "spikes": [50],
        "out_of_range": "clamp",
        "missing": "keep",
    }
    assert changed("age", age, filled(age, bins="12"))["bins"] == 12
    sex = {"kind": "categorical", "categories": ["F", "M"], "missing_values": ["", "?"]}
    form = filled(sex, categories="F\r\nM\r\n other \r\n\r\n", other="other")
    assert changed("sex", sex, form) == {
        "kind": "categorical",
        "categories": ["F", "M", "other"],
        "other": "other",
        "missing_values": ["", "?"],
    }


def test_another_kind_takes_its_own_fields_along_and_no_others() -> None:
    code = {"kind": "integer", "bounds": [0, 1], "bins": 2}
    form = filled(code, kind="categorical", categories="0\n1")
    assert changed("code", code, form) == {"kind": "categorical", "categories": ["0", "1"]}
    assert changed("code", code, filled(code, kind="identifier")) == {"kind": "identifier"}


def test_yaml_that_was_changed_counts() -> None:
    age = {"kind": "integer", "bounds": [18, 95]}
    form = filled(age, yaml="kind: integer\nbounds: [0, 120]\n", high="100")
    assert changed("age", age, form) == {"kind": "integer", "bounds": [0, 120]}


@pytest.mark.parametrize(
    ("column", "wrong", "told"),
    [
        ({"kind": "integer", "bounds": [0, 9]}, {"low": "ten"}, "'x': bounds.*expected a number.*'ten'"),
        ({"kind": "integer", "bounds": [0, 9]}, {"bins": "1,a"}, "'x': bins.*'a'"),
        ({"kind": "datetime", "bounds": ["2020-01-01", "2021-01-01"]}, {"high": "1.2.2020"},
         "'x': bounds.*expected a date.*1.2.2020"),
        ({"kind": "integer", "bounds": [0, 9]}, {"yaml": "kind: [integer"}, "'x': its YAML.*line"),
        ({"kind": "integer", "bounds": [0, 9]}, {"yaml": "bounds: [0, 1]"}, "'x': its YAML needs"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_column_and_value(
    column: dict[str, Any], wrong: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        changed("x", column, filled(column, **wrong))


def test_yaml_is_written_so_that_it_reads_back() -> None:
    value = {
        "a": ["NO", "1", "1e5", "2020-01-01", "yes", "", "# x"],
        "b": [{"order": ["x", "y"]}],
        "c": (1, 2),
    }
    assert yaml.safe_load(dumped(value)) == {**value, "c": [1, 2]}
