"""Which rows are equal, by a fingerprint of each: how many equals stand before a row, and where the first does.

Rows are looked at in parts, by the first bits of their fingerprints, so that memory stays a fraction of them.

Privacy claim: what is said of a row depends on its equals alone. Fingerprints are 128 bits of a
keyed hash: nobody who lacks the key can make two that agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from privacy.stored.growing import AT_ONCE, Array

PART = 1 << 22
"""About so many rows are sorted together."""


def fingerprints(contents: Iterable[bytes], n: int, key: bytes) -> np.ndarray:
    """Of each content 128 bits, uint64 [n, 2]."""
    digests = b"".join(hashlib.blake2b(c, key=key, digest_size=16).digest() for c in contents)
    return np.frombuffer(digests, dtype="<u8").reshape(n, 2)


def before_and_first(marks: Array) -> tuple[np.ndarray, np.ndarray]:
    """Of each row [n] how many equal ones stand before it, and the place of the first of them.

    ``marks``: fingerprints, uint64 [n, 2].
    """
    n = len(marks)
    before, first = np.zeros(n, dtype=np.uint32), np.zeros(n, dtype=np.uint32)
    bits = max(0, (n // PART).bit_length())
    for part in range(1 << bits):
        rows = _of_part(marks, part, bits)
        mine = np.asarray(marks[rows]) if bits else np.asarray(marks)
        order = np.lexsort((mine[:, 1], mine[:, 0]))  # stable: equals stay in their order
        ahead = mine[order]
        starts = np.ones(len(rows), dtype=bool)
        starts[1:] = (ahead[1:] != ahead[:-1]).any(axis=1)
        run = np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))
        before[rows[order]] = np.arange(len(rows)) - run
        first[rows[order]] = rows[order][run]
    return before, first


def _of_part(marks: Array, part: int, bits: int) -> np.ndarray:
    """The places of the rows whose fingerprints begin with these bits."""
    if not bits:
        return np.arange(len(marks))
    found = []
    for start in range(0, len(marks), AT_ONCE):
        begins = np.asarray(marks[start : start + AT_ONCE, 0]) >> np.uint64(64 - bits)
        found.append(start + np.flatnonzero(begins == np.uint64(part)))
    return np.concatenate(found)
