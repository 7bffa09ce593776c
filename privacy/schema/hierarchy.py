"""Codes that belong to one another: what a code too rare to be named falls back to.

A code's parent is its beginning (``E11.65`` → ``E11``), or what a public table says (``E11`` → ``E10-E14``).
Every code has a *level*, and its parent a higher one, so that a code is looked at once however it is reached:
``250`` as it stands in a row, and as what ``250.02`` fell back to.

Privacy claim: none; reads no data. What a code falls back to depends on its text, the table, and which codes
are named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from privacy.schema.documents import Frozen

RANGE = re.compile(r"([0-9A-Za-z]+)-([0-9A-Za-z]+)").fullmatch


class Hierarchy(Frozen):
    """Parents of the codes of one column.

    ``prefixes``: decreasing numbers of letters and digits that parents begin with; signs between them do not
    count, so that ``[3, 1]`` leads from E11.65, and from E1165, to E11 and E.
    ``parents``: code → parent, a public table; ``390-459`` as a code stands for every code of that length from
    the first to the last, unless it is itself a parent. Where both are given, what is in the table, or as short
    as the last prefix, goes by the table: ``[3]`` and ``390-459: Circulatory`` lead from 428.0 to 428 and on.
    ``released``: what a synthetic row says where a code fell back to its parent: the parent itself, or one of
    the codes of the table under it that are not named, each as likely as another; for ``other`` likewise one of
    those without a named parent.

    Privacy: public.

    Example::

        - {prefixes: [3, 1]}
        - {parents: {I21: I20-I25, I25: I20-I25}, released: child}
    """

    prefixes: tuple[int, ...] = ()
    parents: Mapping[str, str] = {}
    released: Literal["parent", "child"] = "parent"

    @model_validator(mode="after")
    def _consistent(self) -> Hierarchy:
        if not self.prefixes and not self.parents:
            raise ValueError(
                "hierarchy: give prefixes, parents, or both, as `hierarchy: {prefixes: [3, 1]}`"
            )
        lengths = (*self.prefixes, 0)
        if any(a <= b for a, b in pairwise(lengths)):
            raise ValueError(
                f"prefixes must decrease and end at 1 or more, got {list(self.prefixes)}; list the longest "
                "first, as "
                "[3, 1]"
            )
        for code in self._names:
            met = [code]
            while (above := self.parent(met[-1])) is not None:
                if above in met:
                    raise ValueError(
                        f"parents: {code!r} ends in a circle at {above!r}; take one of its lines out"
                    )
                met.append(above)
        if self.released == "child" and (self.prefixes or self._ranges):
            listed = next((f"; {k!r} is a range" for k, *_ in self._ranges), "")
            raise ValueError(f"released: child needs parents that list every code, alone{listed}")
        return self

    def parent(self, code: str) -> str | None:
        """What the code falls back to; None at a root, and for a code that the hierarchy does not know."""
        if code in self.parents:
            return self.parents[code]
        if code not in self._names and (cut := self._cut(code)) is not None:
            return cut
        for _, first, last, above in self._ranges:
            if len(code) == len(first) and first <= code <= last:
                return above
        return None

    def line(self, code: str) -> Iterator[str]:
        """The code, its parent, and so on to a root."""
        at: str | None = code
        while at is not None:
            yield at
            at = self.parent(at)

    def level(self, code: str) -> int:
        """From 0; a parent's is above that of each of its codes."""
        if code in self._heights:
            return len(self.prefixes) + self._heights[code]
        size = sum(c.isalnum() for c in code)
        return sum(size <= length for length in self.prefixes)

    @property
    def levels(self) -> int:
        return len(self.prefixes) + 1 + max(self._heights.values(), default=0)

    @property
    def leaves(self) -> list[str]:
        """The codes of the table that are parents of none."""
        return sorted(set(self.parents) - set(self.parents.values()))

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset({*self.parents, *self.parents.values()})

    @cached_property
    def _ranges(self) -> tuple[tuple[str, str, str, str], ...]:
        """Key, first, last and parent of every code of the table that stands for many."""
        inner = set(self.parents.values())
        found = []
        for key, above in self.parents.items():
            ends = RANGE(key)
            if ends and key not in inner and len(ends[1]) == len(ends[2]) and ends[1] < ends[2]:
                found.append((key, ends[1], ends[2], above))
        return tuple(found)

    @cached_property
    def _heights(self) -> dict[str, int]:
        """Steps from a name of the table down to the furthest code under it."""
        found = dict.fromkeys(self._names, 0)
        for code in self._names:
            for steps, above in enumerate(self.line(code)):
                found[above] = max(found[above], steps)
        return found

    def _cut(self, code: str) -> str | None:
        """The code up to the longest prefix that is shorter than it."""
        ends = [i for i, c in enumerate(code, 1) if c.isalnum()]
        length = next((n for n in self.prefixes if n < len(ends)), None)
        return None if length is None else code[: ends[length - 1]]


FLAT = Hierarchy.model_construct()
"""Codes without parents: one level."""
