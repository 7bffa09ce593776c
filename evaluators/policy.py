"""What a custodian asks of a release: rules, each a figure and the range in which it is good, and remedies.

Privacy claim: none needed; a policy is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from evaluators.score import RealRows, Score
from privacy.schema.documents import Frozen, load_yaml

POWER = 2.80
"""Standard errors between a limit and a harm that is seen in 4 of 5 cases, by a 95 % interval: 1.96 + .84."""

IN_HALF = 1.96
"""Standard errors in half a 95 % interval."""


class Limits(Frozen):
    """The closed range in which a figure is good.

    ``metric``: the figure, by its name in a release's internal scores.json; the ready policies have most.
    ``rows``: only figures on these real rows.
    ``at_least``, ``at_most``: the ends of the range; one of them is enough.

    Privacy: public.

    Example::

        {metric: base_rate.difference, rows: holdout, at_least: -0.05, at_most: 0.05}
    """

    metric: str
    rows: RealRows | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _some(self) -> Limits:
        if self.at_least is None and self.at_most is None:
            raise ValueError(
                f"{self.metric}: give at_least or at_most, as `at_most: 0.05`, or nothing is asked of it"
            )
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"{self.metric}: at_least {self.at_least:g} exceeds at_most {self.at_most:g}, which nothing "
                "can keep; write the lower one as at_least"
            )
        return self

    def hold(self, number: float) -> bool:
        """Whether the number lies in the range."""
        return not self.below(number) and not self.above(number)

    def below(self, number: float) -> bool:
        return self.at_least is not None and number < self.at_least

    def above(self, number: float) -> bool:
        return self.at_most is not None and number > self.at_most

    def described(self) -> str:
        """The figure and its range in words."""
        on = f" on {self.rows} rows" if self.rows else ""
        return f"{self.metric}{on} is {self}"

    def __str__(self) -> str:
        if self.at_most is None:
            return f"at least {self.at_least:g}"
        if self.at_least is None:
            return f"at most {self.at_most:g}"
        return f"between {self.at_least:g} and {self.at_most:g}"


class Rule(Limits):
    """One thing that a release must satisfy, in every slice of the kinds listed.

    ``name``: what a broken rule is called; names may repeat. ``description``: what it asks, in words.
    ``slices``: everyone, single subgroups, or pairs of them.
    ``task``: the rule is for targets of this task and needs a figure for each of them.
    ``alternative``: another figure of the same slice, target, learner and detail that will do
    as well.
    ``learner``: "best" judges by the learner that does best on everyone when trained on real rows, so that
    a weak one, or one of many, does not decide on a small group.
    ``pass_needs``, ``veto_needs``: the value alone, or the whole interval, inside or outside the
    limits; what is neither passed nor vetoed is undecided.
    ``detect``: a harm that must show. A figure this far beyond the limits must be found in 4 of 5 cases, or the
    group is too small to be assessed; what the interval leaves open passes where it excludes that harm.
    ``on_insufficient``: what a figure that cannot be had, or is undecided, means: "insufficient" withholds
    approval (of single groups see ``small_groups``), "note" lists it as not assessed.

    Privacy: public.

    Example::

        - name: base-rates
          description: P(event | group) within .05 of the real rate, for everyone and every subgroup.
          task: classification
          metric: base_rate.difference
          rows: holdout
          slices: [all, groups]
          at_least: -0.05
          at_most: 0.05
          pass_needs: value
          veto_needs: interval
          detect: 0.15
          on_insufficient: insufficient
        - name: usefulness
          metric: utility.auroc.difference
          task: classification
          slices: [all]
          learner: best
          at_least: -0.05
          alternative: {metric: utility.auroc.ratio, at_least: 0.95}
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    description: str = ""
    slices: tuple[Literal["all", "groups", "pairs"], ...] = Field(min_length=1)
    task: Literal["classification", "multiclass", "regression", "survival"] | None = None
    alternative: Limits | None = None
    learner: Literal["every", "best"] = "every"
    pass_needs: Literal["value", "interval"] = "value"  # noqa: S105 (no password)
    veto_needs: Literal["value", "interval"] = "value"
    detect: float | None = Field(default=None, gt=0)
    on_insufficient: Literal["insufficient", "note"] = "insufficient"

    def too_wide(self, score: Score) -> bool:
        """Whether the people behind a figure are too few to show the harm that must be seen.

        Not where the whole interval is good: that shows enough.
        """
        if self.detect is None or score.low is None or score.high is None:
            return False
        good = self.hold(score.low) and self.hold(score.high)
        return not good and _error(score) * POWER > self.detect

    def people_for(self, score: Score) -> int | None:
        """About how many people would show it, if the interval shrinks with √n."""
        if self.detect is None or score.n is None:
            return None
        return round(score.n * (_error(score) * POWER / self.detect) ** 2)

    def harm_excluded(self, score: Score) -> bool:
        """Whether the whole interval lies nearer to the limits than the harm that must be seen."""
        if self.detect is None or score.low is None or score.high is None:
            return False
        low = self.at_least is None or score.low > self.at_least - self.detect
        return low and (self.at_most is None or score.high < self.at_most + self.detect)


def _error(score: Score) -> float:
    """The standard error by the interval; 0 where there is none."""
    if score.low is None or score.high is None:
        return 0.0
    return (score.high - score.low) / (2 * IN_HALF)


class Policy(Frozen):
    """What a custodian asks of a release. Rule names may repeat (one purpose, several metrics).

    ``name``: what the policy is called; the label gives it. ``description``: what it is for.
    ``figures``: "charged" decides on public scores alone, those that were charged or need no real row, so
    that the decision is covered by the guarantee too.
    ``unverified``: whether a release may leave the house whose guarantee is somebody else's claim that nobody
    here has verified.
    ``small_groups``: of a single group that is too small to be assessed nothing is claimed, and the release may
    go out: "ask" stops it before anything is charged until somebody accepts that, "accept" goes on, "withhold"
    lets no such release out.
    ``rules``: all of them must hold.
    ``on_failed``: what a figure means whose computation failed: no approval, or a note.

    Privacy: public. ``figures``: budget; under "all" the decision is one bit that no charge covers, and the
    label says so. ``unverified``: budget; "allow" lets out an ε that is somebody's word, and card and label say
    so.

    Example::

        name: district-hospital
        description: The default's rules on rates, and nothing that is not charged.
        figures: charged
        unverified: veto
        small_groups: ask
        on_failed: insufficient
        rules:
          - {name: assessed, metric: declared.target, slices: [all], at_least: 1}
    """

    name: str
    description: str = ""
    figures: Literal["all", "charged"] = "all"
    unverified: Literal["veto", "allow"] = "veto"
    small_groups: Literal["ask", "accept", "withhold"] = "ask"
    rules: tuple[Rule, ...] = Field(min_length=1)
    on_failed: Literal["insufficient", "note"] = "insufficient"


def load_policy(path: str | Path) -> Policy:
    """Read a policy from YAML; unknown keys are refused, errors are one line."""
    return load_yaml(path, Policy)


COARSER = "spend less ε, or take fewer and coarser columns, so that fewer people stand out"

REMEDIES: Mapping[str, str] = {
    "declared.target": "declare one under `targets:`",
    "declared.subgroup": "declare one under `subgroups:`",
    "copies": f"publish no row as it came; {COARSER}",
    "attack": COARSER,
    "attack.attribute": "spend less ε, or merge the categories of the column that is guessed",
    "lost_group": "merge the group with another, declare its categories, or spend more ε",
    "representation_ratio": "widen bands or merge small groups, spend more ε, or take `aim`",
    "impossible_rows": "leave these rows out, or take a generator of this project, which draws none",
    "broken_rows": "leave these rows out, or take `aim`, which draws none; correct `relations:` where real "
    "rows break it too",
    "histories.broken": "take `aim`, which keeps `visits:`; correct these or `max_rows_per_unit:` where "
    "real people break them too",
    "histories": "spend more ε, take fewer columns, or say what lasts under `remembers:` of `visits:`",
    "histories.gaps": "spend more ε, or say how long it is between rows under `gaps:` of `visits:`",
    "histories.rows": "spend more ε, or let fewer rows count (`max_rows_per_unit:`)",
    "histories.utility": "spend more ε, take fewer columns, or name the target's history under `remembers:`",
    "base_rate": "widen or merge groups, spend more ε, or take `aim`, which counts these rates first",
    "class_share": "merge rare classes, or spend more ε",
    "target_mean": "widen or merge groups, spend more ε, or give the target narrower `bins:`",
    "truth": "spend more ε, widen groups, or name the target with its strongest columns under `keep_together:`",
    "column.tv": "spend more ε, or merge rare categories",
    "column.ks": "give `bins:` that are narrow where many are, or leave wide ones out to be measured; or spend "
    "more ε",
    "column.spikes": "name the common value under `spikes:`, which gives it a bin of its own",
    "column.lost": "declare these categories, merge rare ones, or spend more ε",
    "relation": "declare it under `relations:`, and every synthetic row keeps it",
    "utility": "spend more ε, take fewer columns, or name target and predictors under `keep_together:`",
    "fairness": "spend more ε, widen or merge groups, or take another generator",
    "kmarginal": "spend more ε, or take fewer columns and wider bins",
    "calibration_gap": "spend more ε, and more under `evaluation:`, which makes the figure surer",
    "auroc": "spend more ε, take fewer columns, or name target and predictors under `keep_together:`",
    "auroc.difference": "spend more ε, or widen groups: a model's figures on synthetic rows are not its "
    "true ones",
}
"""What a person can do about a veto, by the beginning of a metric's name; of several the longest.

Each is true of the generators and schemas here: a relation that is declared is kept by every row, bins that are
left out are measured, AIM counts the rates of declared groups first.
"""

ALIKE: Mapping[str, str] = {
    "c_index": "auroc",
    "c_index.difference": "auroc.difference",
    "accuracy.difference": "auroc.difference",
    "tpr.difference": "auroc.difference",
    "fpr.difference": "auroc.difference",
    "within_one_sd.difference": "auroc.difference",
}
"""Charged figures that others' remedies hold for."""

NARROWER = "more people held out (`holdout:`) or wider groups narrow the interval"
"""What may help where an interval leaves a rule open."""

ELSE = "spend more ε, take fewer columns or wider bins, or another generator"
"""For figures that only somebody's own policy asks for."""


def remedy(metric: str) -> str:
    """What may help where a rule about this metric is broken."""
    name = metric.removeprefix("charged.")
    name = ALIKE.get(name, name)
    known = [r for r in REMEDIES if name == r or name.startswith((f"{r}.", f"{r}_"))]
    return REMEDIES[max(known, key=len)] if known else ELSE
