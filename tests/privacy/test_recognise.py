"""Whose files were charged under another name, where they are tables that belong together."""

from __future__ import annotations

from pathlib import Path

import pytest
from dp_accounting import NoOpDpEvent

from privacy.accounting.guarantee import Guarantee
from privacy.errors import LedgerError
from privacy.ledger.ledger import Ledger
from privacy.reading.folded import files_of
from privacy.recognise import recognise
from tests.made_tables import FILES, SCHEMA, written

NOBODY = {"deaths": "who,day\n", "drugs": "visit,name,mg\n"}
ELSEWHERE = {
    "people": "who,sex\n1x,F\n2x,M\n",
    "visits": "visit,who,day\n1y,1x,2022-05-01\n2y,2x,2023-03-02\n",
    "diagnoses": "id,visit,who,since,code\n",
    "values": "what,in,value,visit\nSBP,mmHg,99,2y\n",
}


def begun(ledger: Ledger, name: str, folder: Path) -> None:
    """Charge a data set of the tables in a folder."""
    schema, words = SCHEMA.model_copy(update={"name": name}), {"run": name, "attempt": name}
    ledger.register(name, Guarantee(1, 1e-6), 0.2, schema)
    recognise(ledger, schema, files_of((folder,), schema), **words)
    ledger.charge(name, "train", purpose="fit", event=NoOpDpEvent(), **words)


def test_tables_of_nobody_are_nobody_s(tmp_path: Path) -> None:
    """A header and no rows: nobody died in either hospital."""
    ledger = Ledger(str(tmp_path / "ledger.db"))
    begun(ledger, "here", written(tmp_path / "here", **NOBODY))
    begun(ledger, "there", written(tmp_path / "there", **NOBODY, **ELSEWHERE))
    with pytest.raises(LedgerError, match="charged as data set 'here'"):
        begun(ledger, "again", written(tmp_path / "again", values=FILES["values"], **NOBODY))
