"""Teachers that each know a part of the units, and the noisy votes that leave them.

A teacher is a discriminator of one layer over crossed columns: f(x) = Σ w_r K(x, r) over the real rows r of
its own part, minus the mean of K(x, g) over generated rows g, where K compares two rows pair of columns by
pair of columns (``Crossed``). Its weights w are those of one step of kernel logistic regression from zero; a
part holds a few units only, and more steps would learn them by heart. A row looks real to it where f > 0: more
so than generated rows do on average. The real half of a teacher never changes, the generated half follows the
generator.

Privacy claim: a unit's teacher is a keyed hash of the unit's number under a secret key that is never told: a
coin for each number, independent of the others and of one law. A unit that comes first in the table moves the
numbers of all others, and so the coins that they get, but not the law of these: with and without it the others
are dealt alike, and given how, only its own teacher hears of it. (A mixture over coins keeps what holds for
each of them.) All rows of a unit are with one teacher, and what a teacher says depends on its own units only.
So one unit, with however many rows, changes one teacher's vote, and the number of teachers that say "real" by
one: sensitivity 1. n rows asked about at once are n such counts with independent noise. ``Votes`` is the only
way out.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from typing import Any

import numpy as np
import torch
from torch import Tensor

from generators.deep.encoding import Layout
from privacy.ledger.transcript import Transcript
from privacy.noise import discrete_gaussian, gaussian_rho

CELLS = 1 << 24
"""Pairs of rows that are compared together."""
RARE = 1e-3
"""Codes that are rarer count as if they were so common, lest single rows weigh too much."""
BITS = 26
"""Bits of a sum over columns that votes are counted with: its square fits into float64 without rounding."""


class Crossed:
    """K(x, y) = Σ over pairs of columns i < j of k_i(x, y) · k_j(x, y).

    k_i is the inner product of the centred one-hot codes, codes of share p weighed by p^−``rarity``: two rows
    that share a pair of rare codes are more alike. Centring leaves what pairs say beyond single columns.
    """

    def __init__(self, layout: Layout, shares: Tensor, rarity: float) -> None:
        self.layout = layout
        self.single = torch.zeros(layout.width, layout.width)
        for at in layout.slices().values():
            p = shares[at].float().clamp_min(RARE)
            centred = torch.eye(len(p)) - p
            self.single[at, at] = centred / p**rarity @ centred.T
        self.double = self.single**2

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Codes [n, columns] and [m, columns] → [n, m]."""
        a, b = self.layout.one_hot(x), self.layout.one_hot(y).T
        single, double = self.single.to(x.device), self.double.to(x.device)
        # (Σ k_i)² counts every pair twice, and every column with itself
        return ((a @ single @ b) ** 2 - a @ double @ b) / 2

    def exact(self, x: Tensor, y: Tensor) -> Tensor:
        """The same in float64 from weights of few bits: nothing is rounded, in whatever order it is added."""
        places = self.layout.slices().values()
        largest = sum(float(self.single[at, at].abs().max()) for at in places)
        grid = 2.0 ** (math.ceil(math.log2(max(largest, 1e-30))) - BITS + 1)
        single = (self.single.double() / grid).round().to(x.device) * grid
        a, b = self.layout.one_hot(x).double(), self.layout.one_hot(y).double().T
        return ((a @ single @ b) ** 2 - a @ single**2 @ b) / 2

    def expand(self, rows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """(Q, v) with Σ weights · K(x, rows) = (x Q x − x v) / 2 for one-hot x."""
        ones = self.layout.one_hot(rows) @ self.single
        return ones.T * weights @ ones, self.double @ self.layout.one_hot(rows).T @ weights


class Teachers:
    """``number`` teachers over the units of ``codes``; a part may be empty."""

    def __init__(self, kernel: Crossed, codes: Tensor, units: np.ndarray, number: int) -> None:
        self.kernel, self.number = kernel, number
        self.codes, self.units = codes, units
        self.key = torch.frombuffer(bytearray(secrets.token_bytes(32)), dtype=torch.uint8)
        self._divide()

    def _divide(self) -> None:
        names, unit, rows = np.unique(self.units, return_inverse=True, return_counts=True)
        to = torch.from_numpy(part_of(names, self.number, bytes(self.key.tolist())))
        self.sizes = torch.bincount(to, minlength=self.number)
        self.teacher = to[torch.from_numpy(unit)]
        share = 1 / (self.sizes[to] * torch.from_numpy(rows)).double()
        self.weights = share[torch.from_numpy(unit)].float()

    def votes(self, rows: Tensor, generated: Tensor) -> Tensor:
        """What every teacher says about every row: [rows, teachers] of bool. Private."""
        device, per = self.codes.device, max(1, CELLS // max(1, len(self.codes)))
        generated, weights = generated.to(device), self.weights.to(device).double()
        teacher, said = self.teacher.to(device), []
        for part in rows.to(device).split(per):  # type: ignore[no-untyped-call]
            like = torch.zeros(len(part), self.number, device=device, dtype=torch.float64)
            like.index_add_(1, teacher, _few_bits(self.kernel.exact(part, self.codes) * weights))
            common = _few_bits(self.kernel.exact(part, generated) / len(generated))
            said.append(like > common.sum(1, keepdim=True))
        return torch.cat(said).cpu()

    def state_dict(self) -> dict[str, Any]:
        return {"key": self.key}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.key = state["key"]
        self._divide()


def _few_bits(terms: Tensor) -> Tensor:
    """Terms on a grid so coarse that sums are exact: with rounding, a unit more or less, which moves the others
    to another place in a matrix product, would turn the votes of all teachers that are at a tie.
    """
    return (terms * 2.0**20).round() / 2.0**20


def part_of(units: np.ndarray, number: int, key: bytes) -> np.ndarray:
    """The teacher of each unit, by a coin that depends on this unit and the key only."""
    coins = (
        hashlib.blake2b(int(u).to_bytes(8, "big", signed=True), key=key, digest_size=8).digest()
        for u in units
    )
    return np.fromiter((int.from_bytes(c, "big") % number for c in coins), np.int64, len(units))


class Votes:
    """At most ``total`` noisy votes; asking for one more is refused before anything is counted.

    An answer stands in the transcript beside the rows it is about, so that a resumed run labels those rows and
    no vote is drawn twice.
    """

    def __init__(
        self, teachers: Teachers, total: int, sigma: float, transcript: Transcript
    ) -> None:
        self.teachers, self.total, self.sigma = teachers, total, sigma
        self.transcript, self.asked = transcript, 0

    def ask(self, rows: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Rows, and for each how many teachers call it real, with noise of scale ``sigma``."""
        if self.asked + len(rows) > self.total:
            raise ValueError(f"votes: {self.total} are paid for, {self.asked} were asked")

        def draw() -> dict[str, Any]:
            real = self.teachers.votes(rows, generated).sum(1)
            # one count after the other: each is a draw of sensitivity 1
            noisy = discrete_gaussian(real.numpy(), gaussian_rho(self.sigma), sensitivity=1)
            return {"rows": rows.tolist(), "real": noisy.tolist()}

        question = ["votes", self.asked, len(rows), self.teachers.number, self.sigma]
        answer = self.transcript.answer(question, draw)
        self.asked += len(rows)
        return torch.tensor(answer["rows"]).reshape(rows.shape), torch.tensor(answer["real"])

    def state_dict(self) -> dict[str, Any]:
        return {"asked": self.asked, "at": self.transcript.at}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.asked = state["asked"]
        self.transcript.go_to(state["at"])
