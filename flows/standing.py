"""What a label says of the ledger it was charged in, and of whether its people were charged elsewhere.

Everything here is public: heads of chains, and how many other data sets the people were held against; which
ones, and how alike they are, stays in the house.
"""

from __future__ import annotations

from typing import Any

from flows.steps import Work


def chains(work: Work) -> dict[str, Any]:
    """The ledger's name and the head of each of its chains, by which an older copy of it is found."""
    standing = work.ledger.standing(work.dataset.name)
    return {
        "id": standing.id,
        "heads": {table: [head.number, head.hash] for table, head in standing.heads.items()},
    }


def people(work: Work) -> dict[str, Any]:
    """Whether the same people may have been charged under another name, as far as it was looked at."""
    standing, identity = work.ledger.standing(work.dataset.name), work.dataset.identity
    assert identity is not None
    if identity.unit:
        bound = (
            f"{identity.unit}, known by its name; of its rows {identity.max_rows_per_unit} count"
        )
    else:
        bound = f"each row, known by its {len(identity.columns)} columns"
    return {
        "unit_bound_at_registration": bound,
        "account": "shared with another data set of the same people"
        if standing.shares
        else "its own",
        "held_against": standing.compared,
        "declared_to_be_others": standing.apart,
        "in_words": _in_words(standing.sketched, standing.compared, standing.apart),
    }


def _in_words(sketched: bool, compared: int, apart: int) -> str:
    if not sketched:
        return (
            "The people were not held against those of other data sets of this ledger: they were "
            "declared public, or read before that was done."
        )
    if not compared:
        return (
            "No other data set of this ledger was there to hold the people against. Whoever was charged in "
            "another ledger is not found so."
        )
    others = "1 other data set" if compared == 1 else f"{compared} other data sets"
    said = (
        "By a keyed sketch of names, rows and pairs of columns the people were held against those of "
        f"{others} of the same ledger; where more than a small share was the same, the release would "
        "have been refused. People whose names and values were all written otherwise, or who were "
        "charged in another ledger, are not found so."
    )
    if apart:
        said += (
            f" Of {apart} of them a person declared that they are about other people, whatever the sketch "
            "says."
        )
    return said
