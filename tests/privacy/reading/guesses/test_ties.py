"""Relations that rows keep are proposed where chance would break them."""

from __future__ import annotations

import random

import pyarrow as pa

from privacy.reading.guesses.ties import ties


def numbers(**columns):
    table = pa.table({n: [str(v) for v in values] for n, values in columns.items()})
    scales = {n: {str(v): float(v) for v in values} for n, values in columns.items()}
    return ties(table, {}, scales, [""])


def test_orders_sums_and_columns_that_agree():
    draw = random.Random(0)
    low = [draw.randint(50, 100) for _ in range(300)]
    high = [x + draw.randint(5, 60) for x in low]
    parts = [[draw.randint(0, 40) for _ in range(300)] for _ in range(3)]
    total = [sum(row) for row in zip(*parts, strict=True)]
    found = numbers(dia=low, sys=high, p=parts[0], q=parts[1], r=parts[2], all=total, again=total)
    assert {"order": ["dia", "sys"]} in found
    assert {"total": "all", "parts": ["p", "q", "r"]} in found
    assert {"equal": ["all", "again"]} in found
    assert len(found) == 3


def test_what_chance_keeps_is_no_relation():
    draw = random.Random(1)
    assert numbers(age=[draw.randint(0, 90) for _ in range(200)],
                   cost=[draw.randint(100, 900) for _ in range(200)]) == []  # fmt: skip
    assert numbers(a=[1, 2] * 10, b=[2, 3] * 10) == []
