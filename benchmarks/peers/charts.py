"""The chart of one data set and ε: a row of dots for each peer, so that no label hides another."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

PANELS: Mapping[str, str] = {
    "processor_seconds": "processor seconds ←",
    "auroc_hist": "AUROC (hist) →",
    "c_index_trees": "C-index (trees) →",
    "worst": "worst group →",
    "tvd2": "2-way TVD ←",
}
"""Figure → what it is, and the way that is better."""

OURS, THEIRS, REAL = "#1b6ca8", "#b3541e", "#777777"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "understudy",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.alpha": 0.4,
}


def chart(title: str, lines: Sequence[Any], real: Any) -> str:
    """An SVG text, the same for the same lines: ours in blue, others in orange, real rows dashed.

    Empty where nobody has a figure.
    """
    shown = [x for x in lines if x.means][::-1]
    keys = [k for k in PANELS if any(k in x.means for x in shown)]
    if not keys:
        return ""
    with mpl.rc_context(STYLE):
        size = (2.4 * len(keys) + 1, 0.24 * len(shown) + 1)
        figure, panels = plt.subplots(
            1, len(keys), figsize=size, sharey=True, squeeze=False, layout="constrained"
        )
        for panel, key in zip(panels[0], keys, strict=True):
            for place, each in enumerate(shown):
                if key in each.means:
                    panel.plot(each.means[key], place, "o", color=OURS if each.ours else THEIRS)
            if key in real.means:
                panel.axvline(real.means[key], color=REAL, linestyle="--", linewidth=1)
            panel.set_title(PANELS[key], fontsize=8)
        panels[0][0].set_xscale("log")
        panels[0][0].set_xlim(0.5, 2000)
        panels[0][0].xaxis.set_major_formatter("{x:g}")
        panels[0][0].xaxis.set_minor_formatter("")
        panels[0][0].set_yticks(range(len(shown)), [x.peer for x in shown])
        figure.suptitle(title)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    # matplotlib leaves spaces at line ends
    return "\n".join(text.rstrip() for text in out.getvalue().splitlines()) + "\n"
