"""Names of columns that Stata, SPSS and SAS all take: 32 letters, digits and _, a letter first.

No two of them differ by capitals alone.

Sources: Stata's [U] 11.3, SPSS's variable names, SAS's rules for names in V7 and later.

Privacy claim: none needed; names columns of the public schema.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 32
TAKEN = frozenset(
    {
        *(
            "all",
            "and",
            "by",
            "eq",
            "ge",
            "gt",
            "le",
            "lt",
            "ne",
            "not",
            "or",
            "to",
            "with",
        ),  # SPSS's
        *("byte", "double", "float", "if", "in", "int", "long", "strl", "using"),  # Stata's
    }
)
SIMPLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def simple_names(names: Iterable[str]) -> dict[str, str]:
    """Each name as it is where all three take it, else the nearest that they take, unlike all others."""
    names = list(names)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(names, key=lambda n: not _is_simple(n)):  # who has a simple name keeps it
        new = base = name if _is_simple(name) else _simplified(name)
        number = 1
        while new.lower() in taken:
            number += 1
            new = f"{base[: LONGEST - len(str(number)) - 1]}_{number}"
        taken.add(new.lower())
        found[name] = new
    return {name: found[name] for name in names}


def _is_simple(name: str) -> bool:
    reserved = name.lower() in TAKEN or re.fullmatch(r"str\d+", name.lower()) is not None
    return SIMPLE.fullmatch(name) is not None and len(name) <= LONGEST and not reserved


def _simplified(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    new = re.sub(r"[^A-Za-z0-9]+", "_", letters).strip("_") or "column"
    new = new if new[0].isalpha() else f"v_{new}"
    return new[:LONGEST] if _is_simple(new[:LONGEST]) else f"{new[: LONGEST - 1]}_"
