"""A column of numbers: its bounds, its decimals, and where its values pile up.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from privacy.reading.guesses.lines import quoted
from privacy.schema.columns import MAX_WHOLE
from privacy.schema.schema import DRAFT_MARK

MOST_DECIMALS = 6
SPIKE = 0.1
"""A share of all rows that one value has to hold to be a point mass …"""
ABOVE_OTHERS = 5
"""… and by how much it exceeds the next value."""
MOST_SPIKES = 3
HEAPED = 0.2
"""So many more rows than by chance are multiples of a step that people round to."""
ALL = 0.999
"""Of multiples of one step so many are multiples of the next: then nobody rounds to the finer one."""
STEPS = (0.5, 1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0)
WIDTHS = 4
"""So many steps lie between most values."""
MOST_STEPS = 3
LEAST = 50
"""Rows that must show how values lie."""

SAYS_TIME = re.compile(
    r"date|datum|time|stamp|epoch|birth|dob|geb|admi(t|ss)|discharg|death|onset|visit|seen|created|updated|_(at|dt)$",
    re.IGNORECASE,
).search
SAYS_DAY = re.compile(r"date|datum|birth|dob|geb", re.IGNORECASE).search
DAYS = -40_000, 30_000
LONG_AGO = 3000
"""Days since a beginning, of which some are so far from it."""
SERIALS = (
    (30_000, 80_000, "days since 1900, as Excel counts them"),
    (5e8, 4.1e9, "seconds since 1970"),
    (5e11, 4.1e12, "milliseconds since 1970"),
)
"""Ranges of numbers that are times in disguise, in a column that is called as one."""


def are_numbers(numbers: np.ndarray) -> np.ndarray:
    """Which of them a column of numbers may hold."""
    return np.asarray(np.isfinite(numbers) & (np.abs(numbers) <= MAX_WHOLE))


def serial(name: str, numbers: np.ndarray) -> str:
    """What times the numbers may count, by their size and the name of their column; "" for none."""
    if SAYS_TIME(name) is None:
        return ""
    low, high = numbers.min(), numbers.max()
    if SAYS_DAY(name) and DAYS[0] <= low and high <= DAYS[1] and max(high, -low) > LONG_AGO:
        return "days since 1960, 1970 or 1900, as SAS, R and Excel count them"
    return next((what for a, b, what in SERIALS if a <= low and high <= b), "")


def numeric_lines(texts: pd.Series, numbers: np.ndarray, special: list[str]) -> list[str]:
    """Kind, bounds, decimals and values of their own."""
    whole = bool((numbers == np.round(numbers)).all())
    low, high = numbers.min(), numbers.max()
    bounds = [int(low), int(high)] if whole else [float(low), float(high)]
    lines = [
        f"    kind: {'integer' if whole else 'float'}",
        f"    bounds: {quoted(bounds)}  {DRAFT_MARK}",
        "    out_of_range: clamp  # bins: none given, so they are measured under a charge",
    ]
    if not whole and (decimals := decimals_of(numbers)) <= MOST_DECIMALS:
        lines += [f"    decimals: {decimals}  {DRAFT_MARK}"]
    return lines + ([f"    special: {quoted(special)}  {DRAFT_MARK}"] if special else [])


def decimals_of(numbers: np.ndarray) -> int:
    """Digits after the point that all numbers keep to; more than MOST_DECIMALS where there are none."""
    digits = range(MOST_DECIMALS + 1)
    return next((d for d in digits if (np.round(numbers, d) == numbers).all()), MOST_DECIMALS + 1)


def lying(numbers: np.ndarray, counts: np.ndarray) -> list[str]:
    """Lines for values that many rows hold, and for steps that people round to."""
    decimals = decimals_of(numbers)
    if counts.sum() < LEAST or decimals > MOST_DECIMALS:
        return []
    spikes = _spikes(numbers, counts)
    rest = ~np.isin(numbers, spikes)
    steps = _steps(numbers[rest], counts[rest], decimals)
    lines = []
    if spikes:
        values = [int(s) for s in spikes] if decimals == 0 else spikes
        lines += [f"    spikes: {quoted(values)}  # so many rows hold them  {DRAFT_MARK}"]
    if steps:
        values = [int(s) if float(s).is_integer() else s for s in steps]
        lines += [f"    heaped_at: {quoted(values)}  # values are rounded to these  {DRAFT_MARK}"]
    return lines


def _spikes(numbers: np.ndarray, counts: np.ndarray) -> list[float]:
    """Values that hold a tenth of the rows, and many more than any other but those."""
    found: list[float] = []
    at = np.argsort(-counts, kind="stable")
    for i, place in enumerate(at[: MOST_SPIKES + 1]):
        following = counts[at[i + 1]] if i + 1 < len(at) else 0
        if counts[place] < SPIKE * counts.sum() or i == MOST_SPIKES:
            break
        found.append(float(numbers[place]))
        if counts[place] >= ABOVE_OTHERS * following:
            return sorted(found)
    return []


def _steps(numbers: np.ndarray, counts: np.ndarray, decimals: int) -> list[float]:
    """Steps upwards, each of which holds many more rows than the one before it explains."""
    if len(numbers) == 0:
        return []
    unit, scaled = 1, np.round(numbers * 10**decimals).astype(np.int64)
    low, high = np.quantile(np.repeat(scaled, counts), (0.1, 0.9))
    found: list[float] = []
    for step in STEPS:
        wanted = round(step * 10**decimals)
        inside = scaled % unit == 0
        if wanted <= unit or wanted % unit or not counts[inside].sum():
            continue
        if wanted > (high - low) / WIDTHS:  # a few multiples are no scale
            break
        share = counts[scaled % wanted == 0].sum() / counts[inside].sum()
        if share >= unit / wanted + HEAPED:
            finer = (
                found if share < ALL else found[:-1]
            )  # of all that are fives also tens, tens alone
            found, unit = [*finer, step], wanted
    return found if len(found) <= MOST_STEPS else []  # digits of numbers of all sizes
