"""A draft of several files says which belong together and as what; confirmed it loads, and the files fit it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from privacy.errors import DataError, InputError
from privacy.reading.conform import conform
from privacy.reading.draft import draft_schema
from privacy.reading.folded import by_table
from privacy.reading.several.draft import draft_of_several
from privacy.reading.several.proposal import files_in
from privacy.reading.source import read_source, read_tables
from privacy.records.impossible import impossible_rows
from privacy.schema.columns import Categorical, Identifier, Numeric
from privacy.schema.schema import DRAFT_MARK, Csv, Schema, load_schema
from privacy.schema.tables import Slot
from tests.privacy.reading.several.hospital import Tables, made, written


def confirmed(draft: str, folder: Path) -> Schema:
    path = folder / "confirmed.yaml"
    path.write_text(draft.replace("draft: unconfirmed\n", "").replace(DRAFT_MARK, ""), "utf-8")
    return load_schema(path)


def drafted(tables: Tables, folder: Path, unit: str | None = None) -> tuple[str, Schema]:
    draft = draft_of_several(written(tables, folder / "t"), unit=unit).text
    return draft, confirmed(draft, folder)


def refused(tables: Tables, folder: Path, unit: str | None = None) -> str:
    """What is said of the tables, in one line."""
    with pytest.raises((InputError, DataError)) as caught:
        draft_of_several(written(tables, folder / "t"), unit=unit)
    said = caught.value.private if isinstance(caught.value, DataError) else str(caught.value)
    assert "\n" not in said
    return said.replace(f"{folder}/t/", "")


def test_what_each_file_is(tmp_path: Path) -> None:
    _, schema = drafted(made(), tmp_path)
    assert schema.unit == "patient_id"
    assert {n: (t.of, t.key, dict(t.copies)) for n, t in schema.tables.items()} == {
        "patients": (None, None, {}),
        "stays": ("patients", "stay_id", {}),
        "labs": ("stays", None, {"taken": "admitted"}),
        "prescriptions": ("stays", "order_id", {"patient_id": "patient_id"}),
        "deaths": ("patients", None, {}),
        "allergies": ("patients", None, {}),
    }
    assert schema.visits is not None
    assert schema.visits.order == "admitted"
    assert set(schema.visits.constant) == {"sex", "died_on", "latex", "nuts", "penicillin"}
    assert isinstance(schema.columns["stay_id"], Identifier)
    assert schema.surplus_columns == "drop"  # mrn: who would model it?
    assert "mrn" not in schema.columns


def test_rows_of_each_kind_by_a_name_that_reads(tmp_path: Path) -> None:
    """Codes, units and what else goes with a kind are fixed; a lab without value has a flag, a drug a dose."""
    _, schema = drafted(made(), tmp_path)
    labs = {slot.where: slot for slot in schema.tables["labs"].rows}
    assert labs["Sodium"] == Slot(
        fixed={"code": "NA1", "test": "Sodium", "unit": "mmol/L"},
        where="Sodium",
        values={"value": "value_Sodium"},
    )
    assert labs["pH"].fixed["unit"] == ""
    drugs = {slot.fixed["drug"]: slot for slot in schema.tables["prescriptions"].rows}
    assert drugs["ramipril"] == Slot(fixed={"drug": "ramipril"}, values={"dose": "ramipril"})
    allergies = schema.tables["allergies"].rows
    assert {s.where for s in allergies} == {"latex", "nuts", "penicillin"}
    assert schema.tables["deaths"].rows == (Slot(values={"died_on": "died_on"}),)
    kinds = {n: getattr(schema.columns[n], "kind", "") for n in ("value_Glucose", "value_pH")}
    assert kinds == {"value_Glucose": "integer", "value_pH": "float"}
    assert isinstance(schema.columns["ramipril"], Categorical)  # two doses are no scale
    assert all(
        schema.columns[n].missing == "keep"
        for table in schema.tables.values()
        for names in table.values.values()
        for n in names
    )


def test_the_files_fit_and_no_row_is_lost(tmp_path: Path) -> None:
    tables = made()
    _, schema = drafted(tables, tmp_path)
    source = read_tables(by_table([tmp_path / "t"], schema), schema)
    assert source.unfolded == ()
    frame, findings = conform(source.texts, schema)
    assert findings == []
    assert not impossible_rows(frame, schema).any()
    assert (frame["Sodium"] == "1").sum() == (tables["labs"]["test"] == "Sodium").sum()
    assert frame["aspirin"].notna().sum() == (tables["prescriptions"]["drug"] == "aspirin").sum()


def test_all_that_was_read_is_marked(tmp_path: Path) -> None:
    """Kinds are values of rows: wherever one stands, as a value or in a name, the line is marked."""
    draft, _ = drafted(made(), tmp_path)
    lines = draft.splitlines()
    read = ("penicillin", "ramipril", "Sodium", "GL2", "mmol/L", "500", "2021-0")
    assert sum(any(r in line for r in read) for line in lines) > 10
    assert not [x for x in lines if any(r in x for r in read) and not x.endswith(DRAFT_MARK)]
    path = tmp_path / "draft.yaml"
    path.write_text(draft, "utf-8")
    with pytest.raises(InputError, match="this draft holds values read from private rows"):
        load_schema(path)


def test_the_order_of_files_does_not_matter(tmp_path: Path) -> None:
    tables = made()
    _, schema = drafted(tables, tmp_path)
    _, other = drafted(dict(reversed(tables.items())), tmp_path)
    assert {n: other.tables[n] for n in schema.tables} == dict(schema.tables)
    assert (other.unit, set(other.columns)) == (schema.unit, set(schema.columns))


def test_where_no_column_tells_kinds_rows_are_the_first_the_second(tmp_path: Path) -> None:
    tables = made()
    again = tables["prescriptions"].sample(frac=0.5, random_state=0)  # the same drug once more
    rows = pd.concat([tables["prescriptions"], again]).assign(order_id=lambda t: np.arange(len(t)))
    draft, schema = drafted(tables | {"prescriptions": rows}, tmp_path)
    slots = schema.tables["prescriptions"].rows
    sizes = rows["stay_id"].value_counts()
    assert (sizes <= len(slots)).mean() >= 0.95 > (sizes < len(slots)).mean()
    assert slots[1] == Slot(values={"drug": "drug_2", "dose": "dose_2"})
    lost = int((sizes - len(slots)).clip(lower=0).sum())
    assert f"{lost} rows are more of a kind than `rows:` have places" in draft


def test_a_column_that_counts_rows_tells_them_where_nothing_else_does(tmp_path: Path) -> None:
    tables = made(300)
    rng = np.random.default_rng(1)
    rows = [
        (stay, k + 1, f"D{code}")
        for stay in tables["stays"]["stay_id"]
        for k, code in enumerate(rng.choice(90, rng.integers(1, 4), replace=False))
    ]
    diagnoses = pd.DataFrame(rows, columns=["stay_id", "seq", "icd"])
    _, schema = drafted(
        {"patients": tables["patients"], "stays": tables["stays"], "diagnoses": diagnoses}, tmp_path
    )
    assert schema.tables["diagnoses"].rows == tuple(
        Slot(fixed={"seq": str(k)}, values={"icd": f"icd_{k}"}) for k in (1, 2, 3)
    )
    assert schema.columns["icd_1"] == schema.columns["icd_3"]  # too many codes to list


def test_one_dose_of_a_drug_is_not_within_the_bounds_of_another(tmp_path: Path) -> None:
    """Metformin has too many doses to list, so that all doses are numbers, as those of aspirin, always 100."""
    tables = made(300)
    drugs = tables["prescriptions"]
    metformin = drugs["drug"] == "metformin"
    drugs.loc[metformin, "dose"] = [str(500 + 50 * (i % 20)) for i in range(metformin.sum())]
    _, schema = drafted(tables, tmp_path)
    bounds = {n: c.bounds for n, c in schema.columns.items() if isinstance(c, Numeric)}
    assert bounds["metformin"] == (500, 1450)
    assert bounds["aspirin"] == (100, 101)


def test_of_many_kinds_the_most_frequent_are_taken(tmp_path: Path) -> None:
    tables = made(300)
    rng = np.random.default_rng(1)
    often = [f"often {c}" for c in "abcdefghijklmnopqrstuvwx"]  # 24
    rare = [f"rare {c}" for c in "abcdefghij"]
    rows = [
        (stay, code)
        for stay in tables["stays"]["stay_id"]
        for code in (*rng.choice(often, 6, replace=False), *rng.choice(rare, rng.integers(2)))
    ]
    codes = pd.DataFrame(rows, columns=["stay_id", "procedure"])
    draft, schema = drafted(
        {"patients": tables["patients"], "stays": tables["stays"], "procedures": codes}, tmp_path
    )
    slots = schema.tables["procedures"].rows
    assert len(slots) == 25
    assert {s.fixed["procedure"] for s in slots} > set(often)
    assert "these are the 25 most frequent of 34 values of procedure" in draft


def test_two_files_are_a_long_form(tmp_path: Path) -> None:
    """Units and visits need no tables; the schema is that of the joined file, and both files fit it."""
    tables = {n: t for n, t in made().items() if n in ("patients", "stays")}
    draft, schema = drafted(tables, tmp_path)
    assert not schema.tables
    assert (schema.unit, schema.surplus_columns) == ("patient_id", "drop")
    assert schema.visits is not None
    assert schema.visits.constant == ("sex",)
    assert "both files (--data patients.csv --data stays.csv)" in draft
    texts = read_source(files_in([tmp_path / "t"]), schema).texts
    assert conform(texts, schema)[1] == []
    joined = tables["stays"].merge(tables["patients"].drop(columns="mrn"), on="patient_id")
    joined.to_csv(tmp_path / "joined.csv", index=False)
    long = confirmed(draft_schema(tmp_path / "joined.csv", unit="patient_id").text, tmp_path)
    assert long.columns == schema.columns
    assert long.visits == schema.visits


def test_two_files_with_a_column_of_one_name_are_tables(tmp_path: Path) -> None:
    tables = {n: t for n, t in made().items() if n in ("patients", "stays")}
    wards = {n: t.assign(ward=np.resize(list("abcd"), len(t))) for n, t in tables.items()}
    draft, schema = drafted(wards, tmp_path)
    assert list(schema.tables) == ["patients", "stays"]
    assert "ward is called as a column of stays that says something else" in draft
    read_source([tmp_path / "t"], schema)
    same = wards["stays"].drop(columns="ward").merge(wards["patients"][["patient_id", "ward"]])
    draft, schema = drafted(wards | {"stays": same}, tmp_path)
    assert "ward repeats what patients says" in draft
    assert schema.visits is not None
    assert "ward" in schema.visits.constant


def test_decimals_after_a_comma(tmp_path: Path) -> None:
    tables = made()
    tables["labs"]["value"] = [str(v).replace(".", ",") for v in tables["labs"]["value"]]
    files = written(tables, tmp_path / "t", sep=";")
    form = Csv(separator=";", decimal=",")
    schema = confirmed(draft_of_several(files, form).text, tmp_path)
    assert schema.csv == form
    ph = schema.columns["value_pH"]
    assert isinstance(ph, Numeric)
    assert 3 < ph.bounds[0] < 7.4 < ph.bounds[1] < 12
    assert conform(read_source(files, schema).texts, schema)[1] == []


def test_parquet_with_nulls(tmp_path: Path) -> None:
    tables = made()
    tables["labs"] = tables["labs"].replace({"unit": {"": None}})
    tables["labs"]["value"] = pd.to_numeric(tables["labs"]["value"])
    (tmp_path / "t").mkdir()
    for name, table in tables.items():
        table.to_parquet(tmp_path / "t" / f"{name}.parquet")
    schema = confirmed(draft_of_several(files_in([tmp_path / "t"])).text, tmp_path)
    source = read_tables(by_table([tmp_path / "t"], schema), schema)
    assert source.unfolded == ()
    assert conform(source.texts, schema)[1] == []


def test_a_file_that_belongs_to_nothing(tmp_path: Path) -> None:
    weather = pd.DataFrame({"station": ["x", "y", "z"], "rain": [1, 2, 3]})
    assert refused(made() | {"weather": weather}, tmp_path) == (
        "weather.csv: shares no column with another file that names the rows of one of them; leave it out, or "
        "call what links them alike in both"
    )
    refills = pd.DataFrame({"order_id": [1, 1, 2, 3], "refill": [1, 2, 1, 1]})
    assert refused(made() | {"refills": refills}, tmp_path).startswith(
        "refills.csv: its rows belong neither to rows of patients.csv nor to those of stays.csv"
    )


def test_a_key_that_names_no_row(tmp_path: Path) -> None:
    tables = made()
    tables["labs"].loc[3, "stay_id"] = "S99999"
    assert refused(tables, tmp_path) == (
        "labs.csv: labs: 1 rows have a stay_id that is in no row of what they belong to, first 'S99999' in row"
        " 4; mend the file, or drop those rows"
    )
    tables = made()
    tables["patients"] = pd.concat([tables["patients"], tables["patients"].head(1)])
    assert "1 rows name a patient_id that another row names" in refused(tables, tmp_path)


def test_a_key_that_each_file_calls_id(tmp_path: Path) -> None:
    keys = {"patients": "patient_id", "stays": "stay_id", "prescriptions": "order_id"}
    tables = {n: made()[n].rename(columns={key: "id"}) for n, key in keys.items()}
    assert refused(tables, tmp_path) == (
        "patients.csv: 'id' is what another file calls 'patient_id', so it seems; call it 'patient_id' in both,"
        " since files belong together by columns of one name"
    )
    tables["patients"] = made()["patients"]
    assert refused(tables, tmp_path).startswith(
        "stays.csv: 'id' is what another file calls 'stay_id'"
    )


def test_a_file_with_another_separator(tmp_path: Path) -> None:
    files = written(made(), tmp_path / "t")
    files[2].write_text(files[2].read_text().replace(",", ";"))
    with pytest.raises(InputError, match=r"by the separator ',', 6 by ';'; write all files alike"):
        draft_of_several(files)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    files = written(made(), tmp_path / "t")
    more = written({"labs": made()["labs"]}, tmp_path / "u")
    with pytest.raises(InputError, match=r"u/labs.csv: .*t/labs.csv is called 'labs' too"):
        draft_of_several([*files, *more])
    tables = made()
    tables["2 labs"] = tables.pop("labs")
    assert refused(tables, tmp_path).startswith("2 labs.csv: a table is called as its file; rename")


def test_nobody_is_protected_by_mistake(tmp_path: Path) -> None:
    """Without the file of patients their stays would pass for units."""
    tables = {n: t for n, t in made().items() if n in ("stays", "labs", "prescriptions")}
    assert refused(tables, tmp_path).startswith("stays.csv: several rows have one 'patient_id'")
    _, schema = drafted({"stays": tables["stays"], "labs": tables["labs"]}, tmp_path, "stay_id")
    assert schema.unit == "stay_id"
    assert "none of the files has a column 'nr'" in refused(made(), tmp_path, "nr")
    assert "no file has one row for each 'drug'" in refused(made(), tmp_path, "drug")


def test_files_without_visits(tmp_path: Path) -> None:
    tables = {n: t for n, t in made().items() if n in ("patients", "deaths")}
    assert refused(tables, tmp_path).endswith(
        "join the files into one, with a row for each, and draft that"
    )
    with pytest.raises(InputError, match="holds no CSV or Parquet file"):
        files_in([tmp_path])
