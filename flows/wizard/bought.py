"""What an ε buys: for several of them, what an attack reaches at most and how small a group may be.

Privacy claim: none needed; a forecast sees the schema and the ledger alone.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.label.risk import in_hundred
from flows.stages.config import load_config
from flows.stages.forecast import Forecast, forecast
from flows.stages.plan import Plan
from flows.stages.run import Run
from flows.wizard.columns import dumped
from privacy.accounting.risk import risk

OFFERED = (0.5, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class Bought:
    """``right``: how often, in 100, a yes-or-no secret is guessed at most; 50 without the release.

    ``named``: how many of 100 who took part are told at most, where one of 100 who did not is told by mistake.
    ``smallest``: people in the smallest group whose event rate is expected to come out right.
    """

    epsilon: float
    right: str
    named: str
    smallest: int | None
    forecast: Forecast


def bought(config: dict[str, Any], epsilons: tuple[float, ...], home: Path) -> list[Bought]:
    """Of a release config with other ε. ``config``: with paths that hold anywhere."""
    return [_bought(config, epsilon, home) for epsilon in epsilons]


def _bought(config: dict[str, Any], epsilon: float, home: Path) -> Bought:
    loss = {"epsilon": epsilon, "delta": config["guarantee"]["delta"]}
    budget = config.get("budget") or loss
    largest = {**budget, "epsilon": max(budget["epsilon"], epsilon)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "release.yaml"
        path.write_text(dumped({**config, "guarantee": loss, "budget": largest}), encoding="utf-8")
        found = forecast(path)
        most = risk([Plan.of(Run.of(load_config(path, reads=False))).event])
    return Bought(
        epsilon, in_hundred(most.one_in_two), in_hundred(most.tpr), found.smallest[1], found
    )
