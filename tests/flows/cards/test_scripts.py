from pathlib import Path

from flows.cards.scripts import scripts


def test_what_rows_are_of_ends_no_remark_in_sas() -> None:
    """The unit is called as whoever wrote the schema pleased, and others run these lines."""
    text = scripts({"rows": Path("rows.dta")}, ["for one a **// %put b; */ c"])[".sas"]
    first, *rest = text.splitlines()
    assert first.count("*/") == 1
    assert first.endswith("*/")
    assert rest[0].startswith("proc import")
