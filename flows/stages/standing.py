"""What a label says of the ledger it was charged in, and of whether its people were charged elsewhere.

Everything here is public: heads of chains, and how many other data sets the people were held against; which
ones, and how alike they are, stays in the house.
"""

from __future__ import annotations

from typing import Any

from flows.stages.work import Work
from privacy.ledger.ledger import Standing
from privacy.recognise import elsewhere


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
    others = elsewhere(work.ledger, work.schema, work.run.config.data)
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
        "other_ledgers_seen_with_these_files": others,
        "in_words": _in_words(standing) + (TWICE if others else ""),
    }


TWICE = (
    " The same files were charged in another ledger before, which whoever made this release saw: what was "
    "spent there is not counted here."
)


def _in_words(standing: Standing) -> str:
    compared, apart = standing.compared, standing.apart
    if not standing.sketched:
        return (
            "The people were not held against those of other data sets of this ledger: they were "
            "declared public, or read before that was done."
        )
    if standing.shares:
        return (
            "A person declared that they are those of another data set of this ledger, whose budget and "
            "split they share."
        )
    if not compared:
        return (
            "No data set of other people in this ledger was there to hold them against. Whoever was charged "
            "in another ledger is not found so."
        )
    others = "1 other data set" if compared == 1 else f"{compared} other data sets"
    said = (
        "By a keyed sketch of names, rows and pairs of columns the people were held against those of "
        f"{others} of the same ledger; where more than a small share was the same, the release would "
        "have been refused. Not found so: people whose names and most of whose values were written "
        "otherwise, a part of a table whose rows repeat often, and whoever was charged in another ledger."
    )
    if apart:
        said += (
            f" Of {apart} of them a person declared that they are about other people, whatever the sketch "
            "says."
        )
    return said
