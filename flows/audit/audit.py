"""``understudy audit``: what a generator is shown to spend at least, beside what it claims.

Two kinds of figures: each mechanism on worst inputs (``flows.audit.worst_case``), which come near the claim;
and one training with canaries (``flows.audit.canaries``), which sees the whole generator and much less. Both
are lower bounds: one above the claim refutes it, one below proves nothing.

Privacy claim: none; the table is made up and no ledger of anybody's is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from rich.table import Table

from flows.audit.canaries import one_run
from flows.audit.worst_case import MECHANISMS, calibrated
from flows.stages.config import make_generator
from generators.base import Progress
from generators.registry import WORKERS
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError

CONFIDENCE = 0.999
"""Of each bound on a mechanism: a right one is refuted once in a thousand times."""
ONE_RUN = 0.95
"""Of the bound from one run, as is usual for it."""


@dataclass(frozen=True)
class Line:
    """One row of the table; ``ceiling``: what could be shown at best."""

    what: str
    trials: str
    claim: float
    bound: float
    ceiling: float

    @property
    def refuted(self) -> bool:
        """Whether the claim is."""
        return self.bound > self.claim


def audit(
    spec: dict[str, Any],
    claim: Guarantee,
    *,
    runs: int,
    canaries: int,
    seed: int,
    progress: Progress,
) -> list[Line]:
    """Audit the generator that ``spec`` describes as a release config does; 0 runs or canaries skip a part."""
    progress("calibrating", 0.0)
    try:
        made = make_generator(spec)
    except ValueError as error:
        raise InputError(str(error)) from error
    name = str(spec["name"])
    if name in WORKERS:
        raise InputError(
            f"{name} is not made here; benchmarks/audit_synthcity.py audits it from outside"
        )
    generator = calibrated(made, claim)
    found = []
    if runs:
        progress("mechanisms on worst inputs", 0.0)
        for a in MECHANISMS[name](generator, runs):
            at = a.claim(claim.delta)
            found.append(
                Line(a.name, f"{runs} + {runs} runs", at, a.bound(claim.delta, CONFIDENCE), at)
            )
    if canaries:
        once = one_run(name, generator, claim, canaries, seed, progress)
        told = f"{once.right}/{once.guesses} guesses"
        found.append(
            Line(
                "one whole fit",
                told,
                claim.epsilon,
                once.bound(claim.delta, ONE_RUN),
                once.ceiling(claim.delta, ONE_RUN),
            )
        )
    return found


def parse(name: str, parameters: list[str]) -> dict[str, Any]:
    """A generator's spec from its name and ``key=value`` words."""
    spec: dict[str, Any] = {"name": name}
    for word in parameters:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--set {word}: key=value expected")
        spec[key] = yaml.safe_load(value)
    return spec


def table(lines: list[Line]) -> Table:
    """For the terminal; what is refuted is red."""
    shown = Table("mechanism", "trials", "ε claimed", "ε shown", "most it could show")
    for line in lines:
        bound = f"[bold red]{line.bound:.3g}[/]" if line.refuted else f"{line.bound:.3g}"
        shown.add_row(line.what, line.trials, f"{line.claim:.3g}", bound, f"{line.ceiling:.3g}")
    return shown
