"""Which rates are measured up front, over which groups, and how much each table is worth."""

from __future__ import annotations

from typing import Any

import pytest

from generators.marginals.generator import Aim
from generators.marginals.rates import TIME, Rates, by_code, declared
from privacy.records.codec import RecordCodec
from privacy.schema.schema import Schema

WARD: dict[str, Any] = {
    "name": "ward",
    "columns": {
        "age": {"kind": "integer", "bounds": [0, 99], "bins": 20},
        "sex": {"kind": "categorical", "categories": ["F", "M"], "missing": "keep"},
        "days": {"kind": "integer", "bounds": [0, 399], "bins": 40, "missing": "keep"},
        "end": {"kind": "categorical", "categories": ["home", "dead", "lost"], "missing": "keep"},
        "stay": {"kind": "integer", "bounds": [0, 9], "bins": 10},
    },
    "targets": [
        {"task": "survival", "time": "days", "event": "end", "event_values": ["dead"]},
        {"task": "regression", "column": "stay"},
    ],
    "subgroups": [{"column": "sex"}, {"column": "age", "bands": [0, 40, 65, 99]}],
}


def ward(sizes: dict[str, int] | None = None, **changes: Any) -> Schema:
    plain = Schema.model_validate(WARD | changes).model_dump()
    plain["subgroups"][0]["public_sizes"] = sizes
    return Schema.model_validate(plain)


def by_clique(schema: Schema) -> dict[tuple[str, ...], Rates]:
    return {r.clique: r for r in declared(RecordCodec(schema))}


def test_a_rate_is_of_bands_and_of_an_event_and_a_time_is_coarse() -> None:
    found = by_clique(ward())
    assert {r for r in found if "age" in r} == {("age", "end"), ("age", "days"), ("age", "stay")}
    assert {r for r in found if "sex" in r} == {("sex", "end"), ("sex", "days"), ("sex", "stay")}
    age, end = found["age", "end"].groups
    assert age.tolist() == [0] * 8 + [1] * 5 + [2] * 7
    assert end.tolist() == [0, 1, 0, 2]  # who is missing has not lived
    assert found["sex", "end"].groups[0].tolist() == [0, 1, 2]
    assert found["age", "stay"].groups[1].tolist() == list(range(10))
    days = found["age", "days"].groups[1]
    assert days.tolist() == [0] * 8 + [1] * 8 + [2] * 8 + [3] * 8 + [4] * 8 + [5]


def test_the_smallest_groups_come_first_and_have_most() -> None:
    order = [r.clique for r in declared(RecordCodec(ward()))]
    assert order[0] == ("age", "end")
    assert order[-2:] == [("age", "days"), ("sex", "days")]
    found = by_clique(ward())
    assert found["age", "days"].weight == pytest.approx(9 * TIME)
    assert found["age", "end"].weight == pytest.approx(9)
    assert found["sex", "end"].weight == pytest.approx(4)


@pytest.mark.parametrize(
    ("sizes", "weight"),
    [
        ({"F": 800, "M": 200}, 25),
        ({"F": 800}, 4),
        ({"F": 999, "M": 1}, 100),
        ({"F": 0, "M": 0}, 100),
    ],
)
def test_public_sizes_count_where_all_are_declared_and_a_handful_as_a_tenth(
    sizes: dict[str, int], weight: float
) -> None:
    assert by_clique(ward(sizes))["sex", "end"].weight == pytest.approx(weight)


def test_bins_that_are_yet_to_be_measured_change_no_price() -> None:
    columns = WARD["columns"] | {
        "age": {"kind": "integer", "bounds": [0, 99]},
        "days": {"kind": "integer", "bounds": [0, 399], "missing": "keep"},
    }
    assert Aim().schedule(ward(columns=columns), 0.01) == Aim().schedule(ward(), 0.01)


def test_codes_that_are_groups_by_themselves() -> None:
    domain = {"race": 5, "age": 9, "sex": 2, "income": 2}
    found = by_code(domain, ["income"], ["race", "sex"])
    assert [r.clique for r in found] == [("race", "income"), ("sex", "income")]
    assert found[0].groups[0].tolist() == [0, 1, 2, 3, 4]
    assert found[0].weight / found[1].weight == pytest.approx((5 / 2) ** 2)
    assert [r.clique for r in by_code(domain, ["sex", "income"], ["sex"])] == [("sex", "income")]
    assert by_code(domain, [], ["race"]) == []
