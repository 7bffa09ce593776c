"""The chart of one data set and ε: use and fidelity of every line against the processor seconds it took."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

USE = ("auroc_hist", "c_index_trees")
TITLES = {
    "auroc_hist": "AUROC (hist)",
    "c_index_trees": "C-index (trees)",
    "tvd2": "2-way TVD (lower is better)",
}
OURS, THEIRS = "#1b6ca8", "#b3541e"
QUIET = {
    "svg.fonttype": "none",
    "svg.hashsalt": "understudy",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def chart(title: str, lines: Iterable[Any]) -> str:
    """An SVG text, the same for the same lines; ours are blue dots, others orange squares."""
    shown = [x for x in lines if "processor_seconds" in x.means]
    use = next((k for k in USE if any(k in x.means for x in shown)), USE[0])
    with mpl.rc_context(QUIET):
        figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        for panel, key in zip(panels, (use, "tvd2"), strict=True):
            for each in shown:
                if key not in each.means:
                    continue
                x, y = max(0.5, each.means["processor_seconds"]), each.means[key]
                panel.plot(x, y, "o" if each.ours else "s", color=OURS if each.ours else THEIRS)
                panel.annotate(each.peer, (x, y), xytext=(4, 3), textcoords="offset points")
            panel.set_xscale("log")
            panel.margins(x=0.25, y=0.12)
            panel.set_xlabel("processor seconds, fit and sample")
            panel.set_ylabel(TITLES[key])
        figure.suptitle(title)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    # matplotlib leaves spaces at line ends
    return "\n".join(text.rstrip() for text in out.getvalue().splitlines()) + "\n"
