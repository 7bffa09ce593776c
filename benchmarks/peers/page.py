"""docs/comparison.md and its charts, from the lines that run.py left.

python benchmarks/peers/page.py

A table and a chart for each data set and ε; the best of each column is bold, whoever it is. Then, for each
column in which our default generator is not first, who is and by how much.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from charts import chart
from data_sets import DATA_SETS
from peers import PEERS
from words import AFTER, BEFORE

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "peers.jsonl"
PAGE = ROOT / "docs" / "comparison.md"
REAL = "real rows"
DEFAULT = "ours-aim"
NOT_RUN = "not run"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A figure of a line, how it is headed and printed, and which way is better."""

    key: str
    title: str
    digits: int
    higher: bool

    def text(self, value: float) -> str:
        shown = f"{value:.{self.digits}f}"
        return shown.replace("0.", ".", 1) if abs(value) < 1 and self.digits > 1 else shown


COLUMNS = (
    Column("processor_seconds", "seconds", 0, higher=False),
    Column("peak_gib", "GiB", 1, higher=False),
    Column("auroc_xgb", "AUROC xgb", 3, higher=True),
    Column("auroc_hist", "AUROC hist", 3, higher=True),
    Column("f1_xgb", "F1", 3, higher=True),
    Column("f1_share", "F1, equal share", 3, higher=True),
    Column("c_index_cox", "C Cox", 3, higher=True),
    Column("c_index_trees", "C trees", 3, higher=True),
    Column("tvd2", "2-way TVD", 3, higher=False),
    Column("tvd3", "3-way TVD", 3, higher=False),
    Column("k_marginal", "k-marginal", 0, higher=True),
    Column("worst", "worst group", 3, higher=True),
    Column("base_rate_worst", "base rate", 3, higher=False),
)


@dataclass(frozen=True)
class Line:
    """One peer on one data set at one ε: means over the seeds that ended well, or what became of it."""

    peer: str
    means: Mapping[str, float]
    spent: str
    outcome: str

    @property
    def ours(self) -> bool:
        return self.peer in PEERS and PEERS[self.peer].ours


def line(peer: str, rows: Sequence[Row]) -> Line:
    """Cells of several seeds become one line; what went wrong is told before what went well."""
    if not rows:
        return Line(peer, {}, "", NOT_RUN)
    well = [row for row in rows if row["outcome"] == "done"]
    ill = [row for row in rows if row["outcome"] != "done"]
    keys = [c.key for c in COLUMNS if any(c.key in row for row in well)]
    # a group that lost all its rows has no base rate, and the mean over seeds has none either
    means = {
        key: fmean(row[key] for row in well)
        for key in keys
        if all(row.get(key) is not None for row in well)
    }
    return Line(peer, means, spent(well), "; ".join(dict.fromkeys(map(ending, ill))))


def spent(rows: Sequence[Row]) -> str:
    """ε by the peer's own accountant, and its δ where that is not the one it was asked for."""
    own = [row["own_epsilon"] for row in rows if "own_epsilon" in row]
    if not own:
        return ""
    other = {row["claimed_delta"] for row in rows if row["claimed_delta"] != row["delta"]}
    return f"{fmean(own):.2f}" + "".join(f", δ {delta:.0e}" for delta in other)


def ending(row: Row) -> str:
    """How a cell ended that has no figures."""
    if row["outcome"] == "timeout":
        return f"timeout: {row['cpu_seconds']:.0f} s of processor, {row['worker_seconds']:.0f} s"
    error = " ".join(row.get("error", "").split()).replace("|", "/")[:160]
    return f"{row['outcome']}: {error}"


def best(lines: Iterable[Line]) -> dict[str, str]:
    """The best printed value of each column."""
    found = {}
    for column in COLUMNS:
        values = [x.means[column.key] for x in lines if column.key in x.means]
        if values:
            found[column.key] = column.text(max(values) if column.higher else min(values))
    return found


def table(lines: Sequence[Line], real: Line) -> str:
    """Markdown; the real rows head it and compete in nothing."""
    columns = [c for c in COLUMNS if any(c.key in x.means for x in (*lines, real))]
    first = best(lines)
    head = ["", *(c.title for c in columns), "ε spent"]
    out = [_row(head), "|---|" + "---|" * (len(head) - 1)]
    for each in (real, *lines):
        if each.outcome == NOT_RUN:
            continue
        if not each.means:
            out.append(_row([each.peer, each.outcome, *[""] * len(columns)]))
            continue
        cells = []
        for column in columns:
            value = each.means.get(column.key)
            text = "–" if value is None else column.text(value)
            cells.append(f"**{text}**" if each != real and text == first[column.key] else text)
        cells.append(each.spent + (f" ({each.outcome})" if each.outcome else ""))
        out.append(_row([each.peer, *cells]))
    missing = ", ".join(x.peer for x in lines if x.outcome == NOT_RUN)
    return "\n".join(out) + (f"\n\nNot run: {missing}." if missing else "")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def losses(lines: Sequence[Line]) -> str:
    """One line for each column in which another's release is better than that of our default generator."""
    mine = next((x for x in lines if x.peer == DEFAULT and x.means), None)
    others = [x for x in lines if x.means and not x.ours]
    if mine is None or not others:
        return ""
    said = []
    for column in COLUMNS:
        own = mine.means.get(column.key)
        theirs = [x for x in others if column.key in x.means]
        if own is None or not theirs:
            continue
        ahead = (max if column.higher else min)(theirs, key=lambda x: x.means[column.key])
        value = ahead.means[column.key]
        if (value > own) == column.higher and column.text(value) != column.text(own):
            ours = [x.peer for x in lines if x.ours and not _behind(x, value, column)]
            better = f" (but not {' and '.join(ours)})" if ours else ""
            figures = f"{column.text(value)} against {column.text(own)}"
            said.append(f"{column.title}: {ahead.peer}, {figures}{better}")
    peers = sum(not x.ours for x in lines)
    head = f"**Where {DEFAULT} is behind a peer** (figures from {len(others)} of {peers} peers): "
    return head + ("; ".join(said) or "in no column") + "."


def _behind(line: Line, value: float, column: Column) -> bool:
    own = line.means.get(column.key)
    return own is None or own == value or (value > own) == column.higher


def section(data: str, epsilon: float, rows: Sequence[Row], real: Line, folder: Path) -> str:
    """One data set at one ε."""
    mine = [r for r in rows if r["data"] == data and r["epsilon"] == epsilon]
    lines = [line(peer, [r for r in mine if r["peer"] == peer]) for peer in PEERS]
    seeds = sorted({r["seed"] for r in mine})
    name = f"{data}-{epsilon:g}"
    drawn = chart(f"{data}, ε = {epsilon:g}", lines, real)
    if drawn:
        (folder / f"{name}.svg").write_text(drawn, encoding="utf-8")
    command = (
        f"python benchmarks/peers/run.py DATA_DIR --data-sets {data} --epsilon {epsilon:g} "
        f"--seeds {' '.join(map(str, seeds))} --only LINE"
    )
    parts = [
        f"## {data}, ε = {epsilon:g}",
        f"A cell: `{command}`, with the name of its line.",
        table(lines, real),
        losses(lines),
        f"![{name}: time, use, worst group and fidelity]({folder.name}/{name}.svg)"
        if drawn
        else "",
    ]
    return "\n\n".join(p for p in parts if p)


def page(rows: Sequence[Row], folder: Path) -> str:
    """The whole page; the charts go to ``folder``."""
    folder.mkdir(exist_ok=True)
    parts = [BEFORE]
    names = [d for d in DATA_SETS if any(r["data"] == d for r in rows)]
    for data in names:
        here = [r for r in rows if r["data"] == data]
        real = line(REAL, [r for r in here if r["peer"] == REAL])
        epsilons = sorted({r["epsilon"] for r in here if r["epsilon"] is not None})
        parts += [section(data, epsilon, here, real, folder) for epsilon in epsilons]
    known = [f"- **{name}**: {peer.known}" for name, peer in PEERS.items()]
    return "\n\n".join([*parts, AFTER, "\n".join(known)]) + "\n"


def main() -> None:
    rows = [json.loads(text) for text in RESULTS.read_text("utf-8").splitlines()]
    PAGE.write_text(page(rows, PAGE.with_suffix("")), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
