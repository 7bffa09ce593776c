"""docs/operating-characteristic.html: how often each kind of table is approved, vetoed or left undecided.

Shares carry exact binomial intervals (Clopper and Pearson, Biometrika 26:404, 1934).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harms.material import DATA_SETS
from harms.registry import HARMS, Kind
from scipy.stats import beta

from evaluators.pages.drawing.charts import Grid
from evaluators.pages.drawing.page import DASH, environment, number, write_page
from evaluators.pages.drawing.plots import Axis, Mark, key, scale, strip
from evaluators.pages.drawing.views import Line, Plot

CONFIDENCE = 0.95
DETECTED = 0.95
"""Of the tables with a harm at a grade are vetoed, at least, for the harm to be detected from there on."""

KINDS: dict[Kind, tuple[str, str]] = {
    "no harm": ("No harm", "what no generator can beat: approved is right"),
    "leak": ("Leaks", "rows of train people: a veto is right"),
    "people": ("Harm to people", "groups and their outcomes: a veto is right"),
    "values": ("Harm to values", "columns and what holds between them: a veto is right"),
    "honest": ("Honest releases", "by our own generators, at what is claimed for them"),
}
SHARES = Axis((0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
SIZES = ("1000", "3000", "all")

Row = dict[str, Any]


def clopper_pearson(k: int, n: int) -> tuple[float, float]:
    """The interval of a share of k in n that holds the truth in CONFIDENCE of cases at least."""
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return low, high


def write(path: Path, policy: str, rows: Sequence[Row], before: Sequence[Row] = ()) -> None:
    """Write the page; ``before``: rows of the same by earlier code."""
    env = environment(Path(__file__).parent)
    write_page(path, env, "operating_characteristic.html.j2", context(policy, rows, before))


def context(policy: str, rows: Sequence[Row], before: Sequence[Row]) -> dict[str, Any]:
    """All that the template shows."""
    kinds = [k for k in KINDS if any(r["kind"] == k for r in rows)]
    planted = [k for k in kinds if k not in ("no harm", "honest")]
    return {
        "policy": policy,
        "tables": sum(r["tables"] for r in rows),
        "data_sets": [d for d in DATA_SETS if any(r["data"] == d for r in rows)],
        "plots": [plot(kind, rows, before) for kind in kinds],
        "detection": detection([r for r in rows if r["kind"] in planted]),
        "grids": [counts(size, rows) for size in SIZES if any(r["size"] == size for r in rows)],
        "planted": [(n, h.planted) for n, h in HARMS.items() if any(r["harm"] == n for r in rows)],
        "before": bool(before),
        "detected": DETECTED,
    }


def plot(kind: Kind, rows: Sequence[Row], before: Sequence[Row]) -> Plot:
    """A line for each harm and grade, over data sets, sizes and splits."""
    title, caption = KINDS[kind]
    lines = [
        _line(kind, harm, grade, mine, _of(before, harm, grade))
        for harm, grade in _grades(r for r in rows if r["kind"] == kind)
        if (mine := _of(rows, harm, grade))
    ]
    legend = ((key("dot"), "approved"), (key("diamond"), "vetoed"))
    return Plot(title, caption, ("planted", "tables"), scale(SHARES), legend, tuple(lines))


def _line(kind: Kind, harm: str, grade: str, mine: Sequence[Row], before: Sequence[Row]) -> Line:
    n, approved, veto = (_sum(mine, k) for k in ("tables", "approved", "veto"))
    marks = [
        Mark(shape, k / n, *clopper_pearson(k, n))
        for shape, k in (("dot", approved), ("diamond", veto))
    ]
    figures = [_share("approved", approved, n), _share("vetoed", veto, n)]
    if kind not in ("no harm", "honest"):
        figures.append(_share("right reason first", _sum(mine, "right_first"), n))
    if unclaimed := _sum(mine, "unclaimed"):
        figures.append(f"approved, and nothing claimed about the group: {unclaimed}")
    if before:
        a, v, m = (_sum(before, k) for k in ("approved", "veto", "tables"))
        figures.append(f"before: {a} approved, {v} vetoed, of {m}")
    return Line(f"{harm}, {grade}", reasons(mine), strip(SHARES, marks), tuple(figures), "", False)


def _share(what: str, k: int, n: int) -> str:
    low, high = clopper_pearson(k, n)
    return f"{what} {k} of {n} [{low:.2f}, {high:.2f}]"


def reasons(mine: Iterable[Row]) -> str:
    """The rules that came first in what was not approved, the commonest first."""
    found: dict[str, int] = {}
    for row in mine:
        for rule, times in row["first"].items():
            found[rule] = found.get(rule, 0) + times
    ordered = sorted(found.items(), key=lambda item: -item[1])
    return ", ".join(f"{rule} {times}" for rule, times in ordered)


def detection(rows: Sequence[Row]) -> Grid:
    """The grade from which on a harm is vetoed in DETECTED of the tables, by size."""
    sizes = [s for s in SIZES if any(r["size"] == s for r in rows)]
    lines = []
    for harm in dict.fromkeys(r["harm"] for r in rows):
        grades = list(HARMS[harm].grades)
        cells = [_detected(harm, grades, [r for r in rows if r["size"] == s]) for s in sizes]
        lines.append(((harm, ", ".join(grades)), *cells))
    return Grid(("Harm", *(_people(s) for s in sizes)), tuple(lines))


def _detected(harm: str, grades: Sequence[str], rows: Sequence[Row]) -> tuple[str, str]:
    there = [(g, mine) for g in grades if (mine := _of(rows, harm, g))]
    if not there:
        return DASH, ""
    found = None
    for grade, mine in reversed(there):
        if _sum(mine, "veto") < DETECTED * _sum(mine, "tables"):
            break
        found = (grade, mine)
    if found is None:
        largest, mine = there[-1]
        return "not detected", f"{largest}: {_sum(mine, 'veto')} of {_sum(mine, 'tables')} vetoed"
    grade, mine = found
    return f"from {grade}", _share("vetoed", _sum(mine, "veto"), _sum(mine, "tables"))


def counts(size: str, rows: Sequence[Row]) -> Grid:
    """Approved, vetoed and undecided tables of one size, by data set."""
    here = [r for r in rows if r["size"] == size]
    data = [d for d in DATA_SETS if any(r["data"] == d for r in here)]
    lines = []
    for harm, grade in _grades(here):
        cells = [_cell([r for r in _of(here, harm, grade) if r["data"] == d]) for d in data]
        lines.append(((f"{harm}, {grade}", ""), *cells))
    return Grid(("Planted", *data), tuple(lines), title=_people(size))


def _cell(mine: Sequence[Row]) -> tuple[str, str]:
    if not mine:
        return DASH, ""
    text = " / ".join(str(_sum(mine, k)) for k in ("approved", "veto", "undecided"))
    if unclaimed := _sum(mine, "unclaimed"):
        text += f" + {unclaimed}"
    return text, reasons(mine)


def _people(size: str) -> str:
    return "all people" if size == "all" else f"{number(float(size))} train people"


def _grades(rows: Iterable[Row]) -> list[tuple[str, str]]:
    there = {(r["harm"], r["grade"]) for r in rows}
    return [(h, g) for h, harm in HARMS.items() for g in harm.grades if (h, g) in there]


def _of(rows: Iterable[Row], harm: str, grade: str) -> list[Row]:
    return [r for r in rows if (r["harm"], r["grade"]) == (harm, grade)]


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(r[name] for r in rows)
