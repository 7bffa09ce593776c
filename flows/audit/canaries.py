"""One training with many canaries: each is in by a fair coin, and the model tells which (arXiv 2305.08846).

Canaries are strangers among the people of the toy table. The auditor knows all rows and not the coins, so a
score may compare the model with what it would say without any canary.

Privacy claim: none; no private row is read here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.spatial.distance import cdist

from evaluators.attacks.audit import one_run_lower_bound, right_guesses
from flows.audit.toy import PICTURES, SCHEMA, people, strangers, with_pictures
from generators.alone import fit_alone
from generators.base import Progress
from generators.deep.diffusion import denoising_loss, mask
from generators.registry import IMAGES
from privacy.accounting.guarantee import Guarantee
from privacy.reading.images import stack
from privacy.records.codec import RecordCodec
from privacy.stored.rows import Rows

Scores = npt.NDArray[np.float64]
PEOPLE = 4000
MASKS = 64
"""Masks that a row's denoising loss is averaged over."""
NEAREST = 20_000
"""Generated rows that a canary is compared with."""
PICTURES_DRAWN = 2_000


@dataclass(frozen=True)
class OneRun:
    """``right`` of ``guesses`` about ``canaries`` coins."""

    canaries: int
    guesses: int
    right: int

    def bound(self, delta: float, confidence: float) -> float:
        """The ε that the guesses show."""
        return one_run_lower_bound(self.canaries, self.guesses, self.right, delta, confidence)

    def ceiling(self, delta: float, confidence: float) -> float:
        """The ε that they would show if all were right."""
        return one_run_lower_bound(self.canaries, self.guesses, self.guesses, delta, confidence)


def one_run(
    name: str, generator: Any, claim: Guarantee, canaries: int, seed: int, progress: Progress
) -> OneRun:
    """Train a calibrated generator once and guess a tenth of the coins."""
    base, planted, schema = people(PEOPLE, seed), strangers(canaries, seed + 1), SCHEMA
    if name in IMAGES:
        base, schema = with_pictures(base, seed, strange=False), PICTURES
        planted = with_pictures(planted, seed + 1, strange=True)
    included = np.random.default_rng(seed + 2).random(canaries) < 0.5
    frame = pd.concat([base, planted[included]], ignore_index=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = Rows(frame, np.arange(len(frame)))
        model = fit_alone(generator, schema, rows, claim, Path(folder), progress)
    found = SCORES.get(name, by_nearest)(model, planted, base)
    guesses = 2 * max(1, canaries // 20)
    return OneRun(canaries, guesses, right_guesses(found, included, guesses))


def by_counts(model: Any, planted: pd.DataFrame, base: pd.DataFrame) -> Scores:
    """How far the noisy counts of a canary's cells lie above those of the base, by their precision."""
    codec = RecordCodec(SCHEMA)
    mine, others = codec.encode(planted), codec.encode(base)
    scores = np.zeros(len(planted))
    for m in model.measurements:
        extra = np.array(m.counts, dtype=float)
        cells, known = [], []
        for axis, (column, size) in enumerate(zip(m.clique, m.counts.shape, strict=True)):
            # a clique may have been measured over groups or over merged codes
            merged = size < codec.domain[column]
            to = model.model.compression.groups[column] if merged else np.arange(size)
            to = to if m.groups is None else m.groups[axis]
            cells.append(to[mine[column].to_numpy()])
            known.append(to[others[column].to_numpy()])
        np.subtract.at(extra, tuple(known), 1)
        scores += extra[tuple(cells)] / m.sigma**2
    return scores


def by_denoising(model: Any, planted: pd.DataFrame, base: pd.DataFrame) -> Scores:
    """How well the denoiser completes a canary: minus its loss over many masks."""
    network, codec = model.network, RecordCodec(SCHEMA)
    groups = model.start.compression.groups
    codes = {c: groups[c][v.to_numpy()] for c, v in codec.encode(planted).items() if c in groups}
    rows = {"codes": network.layout.to_codes(codes)}
    source, loss = torch.Generator().manual_seed(0), torch.zeros(len(planted))
    with torch.no_grad():
        for _ in range(MASKS):
            drawn = mask(network.layout, network.conditions, 0.0, rows, source)
            loss += denoising_loss(network.layout, network.conditions, network, drawn)
    return -loss.double().numpy()


def by_nearest(model: Any, planted: pd.DataFrame, base: pd.DataFrame) -> Scores:
    """How many generated rows are near a canary, nearer ones counting more."""
    codec = RecordCodec(SCHEMA)
    generated = codec.encode(model.sample(NEAREST, np.random.default_rng(0)))
    mine = codec.encode(planted)
    alike = np.zeros((len(mine), len(generated)), dtype=np.int8)
    for column in mine:
        alike += mine[column].to_numpy()[:, None] == generated[column].to_numpy()[None]
    weight = 10.0 ** np.arange(len(mine.columns) + 1)
    return np.array([weight[row].mean() for row in alike])


def by_pictures(model: Any, planted: pd.DataFrame, base: pd.DataFrame) -> Scores:
    """How near a canary's picture comes to the nearest that is drawn for its class."""
    drawn = model.sample(PICTURES_DRAWN, np.random.default_rng(0))
    found = np.zeros(len(planted))
    for label in sorted(set(planted["ill"])):
        made, mine = (
            stack(f.loc[f["ill"] == label, "scan"]).reshape(-1, 64) / 255.0
            for f in (drawn, planted)
        )
        if len(made):
            nearest = cdist(mine, made).min(axis=1)
            found[(planted["ill"] == label).to_numpy()] = -nearest
    return found


SCORES: Mapping[str, Callable[[Any, pd.DataFrame, pd.DataFrame], Scores]] = {
    "aim": by_counts,
    "mst": by_counts,
    "diffusion": by_denoising,
    "image-diffusion": by_pictures,
    "image-gan": by_pictures,
    "image-matching": by_pictures,
}
"""Registry name → (model, canaries, base) → a score for each canary; ``by_nearest`` for others."""
