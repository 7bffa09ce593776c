"""The schemas that ship: each loads, is consistent, and takes rows as it is documented.

Where the environment variable UNDERSTUDY_DATA names a folder with the tables, they are read too:
every row must fit, and every structural zero must hold.
"""

from __future__ import annotations

import datetime as dt
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from privacy.people.order import in_order
from privacy.reading.conform import conform
from privacy.reading.source import read_source
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.numbers import date_to_number
from privacy.schema.placing import plan
from privacy.schema.schema import Condition, Schema, load_schema
from privacy.schema.visits import timed

SCHEMAS = sorted((Path(__file__).parent.parent / "configs" / "schemas").glob("*.yaml"))

ROWS = {
    "adult": {
        "age": "39", "workclass": "State-gov", "fnlwgt": "77516", "education": "Bachelors",
        "education-num": "13", "marital-status": "Never-married", "occupation": "?",
        "relationship": "Not-in-family", "race": "White", "sex": "Male", "capital-gain": "99999",
        "capital-loss": "0", "hours-per-week": "40", "native-country": "?", "income": ">50K.",
    },
    "diabetes130": {
        "encounter_id": "1", "patient_nbr": "2", "race": "?", "age": "[70-80)",
        "medical_specialty": "Surgery-General", "diag_1": "250.83", "diag_2": "V27", "diag_3": "?",
        "readmitted": "<30", "num_lab_procedures": "200", "max_glu_serum": "None",
    },
    "diabetes130-histories": {"race": "?", "age": "[70-80)", "diag_1": "250.83", "diag_3": "?"},
    "flchain": {
        "age": "97.0", "sex": "F", "sample_yr": "1997", "kappa": "5.7", "lambda": "4.86",
        "flc_grp": "10", "creatinine": "", "mgus": "no", "chapter": "Circulatory", "futime": "85",
        "death": "1",
    },
    "framingham": {
        "RANDID": "2448", "SEX": "1", "TOTCHOL": "195.0", "BPMEDS": "", "educ": "4.0", "HDLC": "",
        "SYSBP": "106.5", "TIMEDTH": "8766", "TIMEHYP": "0", "BMI": "",
    },
    "ham10000": {"dx": "nv", "age": "", "sex": "unknown", "localization": "lower extremity"},
    "pneumoniamnist": {"label": "1"},
    "support2": {
        "age": "62.84998", "race": "", "income": "", "dzgroup": "ARF/MOSF w/Sepsis", "alb": "",
        "d.time": "2029", "death": "0", "totcst": "-100", "ca": "metastatic",
    },
    "omop": {"visit_start_date": "2016-02-29", "visit_end_date": "2016-03-01",
             "sbp": "", "death_date": ""},
    "omop-visits": {"visit_date": "2016-02-29", "hba1c": "", "sbp": "300", "death_date": ""},
    "sdnist-ma2019": {
        "PUMA": "25-00503", "AGEP": "12", "MSP": "N", "PINCP": "N", "PINCP_DECILE": "N",
        "POVPIP": "501", "DENSITY": "2872.7", "NOC": "N", "INDP": "N", "INDP_CAT": "N",
    },
}  # fmt: skip

FILES = {
    "adult": ("adult/adult.data.gz", "adult/adult.test.gz"),
    "adult_binned": ("adult_binned/adult.csv.gz",),
    "diabetes130": ("diabetes130/diabetic_data.csv.gz",),
    "diabetes130-histories": ("diabetes130/diabetic_data.csv.gz",),
    "framingham": ("survival/framingham.csv.gz",),
    "ham10000": ("ham10000/ham10000_32.npz", "ham10000/metadata.csv"),
    "mnist": (
        "mnist/train-images-idx3-ubyte.gz", "mnist/train-labels-idx1-ubyte.gz",
        "mnist/t10k-images-idx3-ubyte.gz", "mnist/t10k-labels-idx1-ubyte.gz",
    ),
    "pneumoniamnist": ("pneumoniamnist/pneumoniamnist.npz",),
    "sdnist-ma2019": ("sdnist/ma2019.csv.gz",),
    "sdnist-national2019": ("sdnist/national2019.csv.gz",),
    "support2": ("survival/support2.csv.gz",),
}  # fmt: skip

DATA = Path(os.environ.get("UNDERSTUDY_DATA", "") or os.devnull)
PRESENT = [name for name, files in FILES.items() if all((DATA / f).is_file() for f in files)]


def named(name: str) -> Schema:
    return load_schema(next(path for path in SCHEMAS if path.stem == name))


def complete(schema: Schema) -> Schema:
    """The schema with what it leaves open filled in by 16 equal bins, and by all codes of a hierarchy."""
    found, columns = {}, {**schema.columns, **plan(schema).gaps}
    for name in schema.incomplete:
        column, update = columns[name], {"bins": 16}
        if isinstance(column, Categorical):
            assert column.hierarchy is not None
            update = {"categories": (*column.hierarchy.leaves, column.other)}
        found[name] = column.model_copy(update=update)
    return schema.completed(found)


def filler(schema: Schema, name: str) -> str:
    """A text that a column takes."""
    column = schema.columns[name]
    if isinstance(column, Categorical):
        return (column.categories or ("x",))[0]
    return str(column.bounds[0]) if isinstance(column, Numeric) else "1"


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_a_schema_is_consistent(path: Path) -> None:
    schema = load_schema(path)
    assert schema.name == path.stem
    assert schema.description
    assert schema.source
    assert schema.targets
    assert schema.subgroups or schema.image  # of some pictures nothing else is known
    assert schema.public_rows is None
    codec = Codec(complete(schema))
    assert max(codec.domain.values()) < 300
    assert Schema.model_validate(schema.model_dump()) == schema
    for subgroup in schema.subgroups:
        number, labels = codec.groups(subgroup)
        assert set(number) == set(range(len(labels)))


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_structural_zeros_cut_no_bin(path: Path) -> None:
    """A range of whole numbers begins and ends where bins do, so that it holds for whole codes."""
    schema = load_schema(path)
    codec = Codec(complete(schema))
    for zero in schema.impossible:
        for name, condition in zero.items():
            bins, column = codec.columns[name].bins, schema.columns[name]
            if bins is None:
                continue
            low, high = (
                date_to_number(e, column.resolution) if isinstance(e, dt.datetime) else e
                for e in (condition.min, condition.max)
            )
            if low is not None:
                assert low in bins.edges
            if high is not None:
                assert high + 1 in bins.edges


@pytest.mark.parametrize("name", ROWS)
def test_a_row_as_documented_conforms(name: str) -> None:
    schema = named(name)
    row = {n: ROWS[name].get(n, filler(schema, n)) for n in schema.columns}
    frame, findings = conform(pa.table({n: [text] for n, text in row.items()}), schema)
    assert [str(f) for f in findings if f.action == "refused"] == []
    assert len(frame) == 1


def test_diagnoses_go_to_the_groups_of_the_paper() -> None:
    schema = named("diabetes130")
    codes = {
        "390": "Circulatory", "785.4": "Circulatory", "460": "Respiratory", "786": "Respiratory",
        "530.81": "Digestive", "250": "Diabetes", "250.02": "Diabetes", "251": "Other",
        "820": "Injury", "715": "Musculoskeletal", "584": "Genitourinary", "174": "Neoplasms",
        "38": "Other", "E888": "Other", "V58": "Other",
    }  # fmt: skip
    texts = {n: [filler(schema, n)] * len(codes) for n in schema.columns} | {"diag_1": list(codes)}
    frame, findings = conform(pa.table(texts), schema)
    assert findings == []
    assert list(frame["diag_1"]) == list(codes.values())


def test_stays_of_a_patient_are_described_as_single_stays_are() -> None:
    one, many = named("diabetes130"), named("diabetes130-histories")
    assert one.columns == many.columns
    assert (one.targets, one.subgroups, one.impossible) == (
        many.targets,
        many.subgroups,
        many.impossible,
    )


def test_an_examination_says_what_is_of_the_person() -> None:
    """Whatever is known only when follow-up has ended is recorded once, and the target's own columns too."""
    schema = named("framingham")
    assert schema.visits is not None
    (target,) = schema.targets
    assert {*target.without, *target.columns} <= set(schema.visits.constant)


def test_industries_stand_in_groups_as_the_data_dictionary_has_them() -> None:
    """INDP_CAT counts the groups in this order."""
    column = named("sdnist-ma2019").columns["INDP"]
    assert isinstance(column, Categorical)
    assert column.hierarchy is not None
    parents = column.hierarchy.parents
    codes = ["170", "370", "770", "3980", "7860", "8191", "9480", "9680", "9920", "N"]
    groups = [
        "AGR",
        "EXT",
        "CON",
        "MFG",
        "EDU",
        "MED",
        "ADM",
        "MIL",
        "UNEMPLOYED",
        "not applicable",
    ]
    assert [parents[code] for code in codes] == groups
    assert len(set(parents.values())) == 20
    runs = [parents[code] for code in sorted((c for c in parents if c != "N"), key=int)]
    assert len([a for a, b in pairwise(runs) if a != b]) == 18


def holds(condition: Condition, series: pd.Series) -> np.ndarray:
    found = series.isna().to_numpy() & condition.missing
    if condition.values is not None:
        found |= series.isin(condition.values).to_numpy()
    if (condition.min, condition.max) != (None, None):
        numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        low = -np.inf if condition.min is None else condition.min
        high = np.inf if condition.max is None else condition.max
        found |= (numbers >= low) & (numbers <= high)
    return found


def steps(column: Categorical | Numeric | Datetime, frame: pd.DataFrame, name: str) -> pd.Series:
    """How much more than in the unit's row before, categories by their place in the list."""
    values = frame[name]
    if isinstance(column, Categorical):
        values = values.map({c: i for i, c in enumerate(column.categories or ())})
    return pd.to_numeric(values).groupby(frame["unit"]).diff().dropna()


if PRESENT:

    @pytest.mark.parametrize("name", [n for n in PRESENT if named(n).visits is not None])
    def test_real_histories_are_as_declared(name: str) -> None:
        """All but one unit in two hundred, and all but one step in a thousand; AGE is in whole years."""
        schema = named(name)
        visits = schema.visits
        assert visits is not None
        frame, _ = conform(read_source([DATA / f for f in FILES[name]], schema).texts, schema)
        frame = frame.iloc[in_order(frame, schema, frame[schema.unit].to_numpy())]
        frame = frame.assign(unit=frame[schema.unit])
        by_unit = frame.groupby("unit")
        for constant in visits.constant:
            assert (by_unit[constant].nunique(dropna=False) > 1).mean() < 0.005, constant
        for least, names in ((0, visits.never_falls), (1, visits.rises)):
            for n in names:
                assert (steps(schema.columns[n], frame, n) < least).mean() < 0.001, n
        time = timed(schema)
        if time is not None:
            gaps = steps(schema.columns[time], frame, time)
            assert time in visits.gaps
            assert gaps.between(*visits.gaps[time].bounds).all()
            for n, every in visits.ages.items():
                assert ((steps(schema.columns[n], frame, n) - gaps / every).abs() < 1).all(), n

    @pytest.mark.parametrize("name", PRESENT)
    def test_the_real_table_conforms(name: str) -> None:
        schema = named(name)
        source = read_source([DATA / f for f in FILES[name]], schema)
        frame, findings = conform(source.texts, schema)
        if schema.image is not None:
            some = np.arange(len(frame)) % 7 == 0
            assert len(source.frame(frame, schema, some)) == some.sum()
        assert [str(f) for f in findings if f.action == "refused"] == []
        clamped = sum(f.rows for f in findings if f.action == "clamped")
        assert clamped < 0.005 * len(frame)
        codec = Codec(complete(schema))
        codes = codec.encode(frame)
        again = codec.encode(codec.decode(codes, np.random.default_rng(0)))
        pd.testing.assert_frame_equal(again, codes)
        for zero in schema.impossible:
            assert not np.logical_and.reduce([holds(c, frame[n]) for n, c in zero.items()]).any(), (
                zero
            )
