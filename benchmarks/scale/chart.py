"""How what a release takes grows with the number of rows: results/scale_release.jsonl as a chart.

    python benchmarks/scale/chart.py docs/images/scale.svg

Of each number of rows the last line of AIM with 40 columns as Parquet. Both axes are logarithmic: what grows
with the rows lies on a diagonal, what does not lies level.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "scale"
import matplotlib.pyplot as plt  # noqa: E402 after the backend

RESULTS = Path(__file__).parents[1] / "results" / "scale_release.jsonl"
COLUMNS, FORM, AIM = 40, "parquet", "{name: aim}"


def main() -> None:
    lines = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    of = {
        r["rows"]: r["stages"]
        for r in lines
        if (r["columns"], r["form"], r.get("generator", AIM)) == (COLUMNS, FORM, AIM)
        and "synthetic" not in r
    }
    rows = sorted(of)
    figure, (seconds, memory) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for stage, words in (("before", "recognise, assess"), ("fit", "read and fit")):
        known = [n for n in rows if stage in of[n]]
        seconds.plot(known, [of[n][stage]["cpu"] for n in known], marker="o", label=words)
    memory.plot(rows, [of[n]["fit"]["anonymous_gib"] for n in rows], marker="o", label="asked for")
    gib = [n * COLUMNS / 2**30 for n in rows]
    memory.plot(rows, gib, linestyle="--", color="grey", label="one byte a value")
    for axes, words in ((seconds, "processor seconds"), (memory, "GiB, to the end of the fit")):
        axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=words)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib leaves spaces at line ends
    drawn = "\n".join(text.rstrip() for text in out.getvalue().splitlines()) + "\n"
    Path(sys.argv[1]).write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
