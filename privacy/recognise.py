"""Whether the people in new files were charged under another name: looked at before anything is charged.

Privacy claim: none needed; reads all rows on a permit that costs nothing. What is made of them, a sketch,
stays in the ledger.
"""

from __future__ import annotations

from pathlib import Path

from privacy.ledger import witness
from privacy.ledger.ledger import Ledger
from privacy.reading.formats.digest import source_digest
from privacy.reading.read import holds_rows
from privacy.reading.share import Reached, nobody
from privacy.schema.schema import Schema
from privacy.table import PrivateTable


def recognise(
    ledger: Ledger,
    schema: Schema,
    paths: tuple[Path, ...],
    *,
    run: str,
    attempt: str,
    room: Path | None = None,
    told: Reached = nobody,
) -> None:
    """Keep a sketch of the people in files that this data set has not brought before.

    ``room``: a folder for rows that are too many for memory, in files without a name. ``told``: the share that
    has been read.

    Raises LedgerError where they were charged as a data set of another account, or would change sides.
    """
    # a table of nobody, where nobody died, is the same in every hospital
    some = [p for p in paths if not schema.tables or holds_rows(p, schema.csv)]
    digests = [source_digest(path) for path in some]
    if ledger.knows(schema.name, digests):
        return
    permit = ledger.open_internally(
        schema.name, "train", run=run, attempt=attempt, purpose="recognise"
    )
    sketch = PrivateTable(schema, paths).people(permit, ledger.house_secret(), room, told)
    ledger.claim(schema.name, digests, sketch)
    here = ledger.standing(schema.name).id
    for digest in digests:
        known = witness.seen(f"file-{digest}").get("ledgers", [])
        witness.remember(f"file-{digest}", {"ledgers": sorted({*known, here})})


def elsewhere(ledger: Ledger, schema: Schema, paths: tuple[Path, ...]) -> int:
    """In how many other ledgers this account saw the same files, of which one may have been deleted."""
    here = ledger.standing(schema.name).id
    seen = [witness.seen(f"file-{source_digest(path)}").get("ledgers", []) for path in paths]
    return len({name for names in seen for name in names} - {here})
