"""The lines of ``compare`` as a table in Markdown, means over splits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from histories.people import NAMES
from histories.releases import LINKED, SHUFFLED, STRANGERS

REAL = "real"
"""The train people themselves."""

ORDER = (LINKED, STRANGERS, SHUFFLED, REAL)
FIGURES = ("rows", "transitions", "following", "first and last", "gaps", "moves")
HEAD = (
    "data",
    "table",
    "ε",
    "code",
    "splits",
    "rows a person",
    *FIGURES,
    "broken histories",
    "AUROC",
    "CPU seconds: fit, draw",
    "peak MB",
)

Line = dict[str, Any]


def as_table(lines: list[Line]) -> str:
    """A row for each data set, table, ε and code; real people last."""
    groups: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        key = tuple(line[k] for k in ("data", "who", "epsilon", "code"))
        groups.setdefault(key, []).append(line)
    ordered = sorted(
        groups.items(),
        key=lambda g: (NAMES.index(g[0][0]), g[0][2] or 0, g[0][3], ORDER.index(g[0][1])),
    )
    ordered.sort(key=lambda g: (NAMES.index(g[0][0]), g[0][2] is None))
    return "\n".join([_row(HEAD), _row(["---"] * len(HEAD)), *(_means(v) for _, v in ordered)])


def as_row(line: Line) -> str:
    """A table by itself."""
    return _means([line])


def _means(lines: list[Line]) -> str:
    one = lines[0]
    figures = [line["figures"] for line in lines]
    return _row(
        [
            one["data"],
            one["who"],
            "" if one["epsilon"] is None else f"{one['epsilon']:g}",
            one["code"],
            str(len(lines)),
            _mean([line["rows_each"] for line in lines], 2),
            *(_mean([f.get(name) for f in figures], 3) for name in FIGURES),
            f"{np.mean([f['broken'] for f in figures]):.1%}",
            _mean([line["auroc"] for line in lines], 3),
            " ".join(
                _mean([line.get(f"{part}_seconds") for line in lines], 0)
                for part in ("fit", "draw")
            ).strip(),
            _mean([line.get("peak_mb") for line in lines], 0),
        ]
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mean(values: list[float | None], decimals: int) -> str:
    known = [v for v in values if v is not None]
    return re.sub(r"^(-?)0\.", r"\1.", f"{np.mean(known):.{decimals}f}") if known else ""
