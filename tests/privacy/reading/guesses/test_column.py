"""What a data manager sees in a column, a draft says of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from privacy.reading.guesses.column import Guess, guess
from privacy.reading.guesses.times import this_year
from privacy.schema.schema import DRAFT_MARK


def column(texts: list[str], name: str = "x") -> Guess:
    counts = pd.Series(texts, dtype=object).value_counts(sort=False)
    return guess(name, pd.Series(counts.index, dtype=object), np.asarray(counts))


def said(found: Guess) -> dict[str, object]:
    """The lines as a schema reads them."""
    return yaml.safe_load("\n".join(found.lines))


def numbers(n: int, pattern: str = "{}") -> list[str]:
    return [pattern.format(i * 7 % 90 + 10) for i in range(n)]


DAYS = [f"{i % 28 + 1:02}" for i in range(90)]


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ([f"{d} Mar 2021" for d in DAYS], "%d %b %Y"),
        ([f"{m}-21" for m in ("Mar", "Apr", "Dec") for _ in range(9)], "%b-%y"),
        ([f"{m:02}/2021" for m in range(1, 13)], "%m/%Y"),
        ([f"{i % 24:02}:{i % 60:02}" for i in range(200)], "%H:%M"),
        ([f"2021-03-{d} 10:00:00+01:00" for d in DAYS], None),
        ([f"202103{d}093000+0100" for d in DAYS], "%Y%m%d%H%M%S%z"),
    ],
)
def test_dates_of_any_usual_form(texts, form):
    found = said(column(texts))
    assert (found["kind"], found.get("format")) == ("datetime", form)
    assert this_year() > 2020


@pytest.mark.parametrize(
    ("texts", "missing"),
    [
        ([*numbers(80), "-999", "ND", "k.A."], ["-999", "ND", "k.A."]),
        ([*(str(i) for i in range(15)), "99"], ["99"]),
        ([*(str(i) for i in range(15)), "-1"], ["-1"]),
        ([*numbers(80, "{}.5"), "unknown", "n.a.", "-", ""], ["", "-", "n.a.", "unknown"]),
        (
            [f"2021-05-{d}" for d in DAYS] + ["9999-99-99", "9999-12-31"],
            ["9999-12-31", "9999-99-99"],
        ),
        ([f"{d}.05.2021" for d in DAYS] + ["01.01.1900", "missing"], ["01.01.1900", "missing"]),
    ],
)
def test_what_stands_for_a_missing_value_is_told_as_a_question(texts, missing):
    found = column(texts)
    assert said(found)["missing_values"] == missing
    (asked,) = [line for line in found.lines if "if it is a value" in line]
    assert asked.endswith(DRAFT_MARK)


def test_of_a_few_answers_none_is_asked_for():
    found = column(["1", "2", "3", "9"] * 9 + ["unknown"] * 4)
    (asked,) = [line for line in found.lines if "no answer?" in line]
    assert "'9'" in asked
    assert "'unknown'" in asked
    assert not any("no answer?" in line for line in column(["1", "2", "3", "4"] * 9).lines)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ([f"{i + 1},{i:03}" for i in range(60)], "signs between thousands"),
        ([f"{i + 1}.{i:03},5" for i in range(60)], "signs between thousands"),
        (numbers(80, "{} kg"), "with a unit"),
        (numbers(80, "{}%"), "with a unit"),
        (numbers(80, "${}"), "with a unit"),
        (numbers(80, "1{0}/{0}"), "two numbers in a cell"),
        (numbers(80, "−{}"), "a dash for a minus"),
        ([f"<{i}" for i in range(9)] + numbers(80), "limits of detection"),
        ([f"{d}. März 2021" for d in DAYS], "not English"),
        ([f"2021-05-{d}" for d in DAYS] + [f"{d}.06.2021" for d in DAYS], "in more than one way"),
    ],
)  # fmt: skip
def test_numbers_and_dates_in_disguise_are_told_with_a_remedy(texts, told):
    found = column(texts)
    assert said(found)["kind"] == "identifier"
    assert told in found.told
    assert "draft again" in found.lines[0]


@pytest.mark.parametrize(
    ("name", "texts", "told"),
    [
        ("admission_date", [str(42000 + i) for i in range(90)], "days since 1900"),
        ("birthdate", [str(i * 300 - 9000) for i in range(90)], "days since 1960, 1970 or 1900"),
        ("time", [str(i * 40) for i in range(90)] + ["40"], ""),
        ("created_at", [str(1_500_000_000 + i * 999) for i in range(90)], "seconds since 1970"),
        ("crp", ["<5", *numbers(80)], "limits of detection"),
        ("dose", [str(42000 + i % 40) for i in range(90)], ""),
    ],
)
def test_numbers_that_may_be_something_else_are_asked_about(name, texts, told):
    found = column(texts, name)
    assert said(found)["kind"] == "integer"
    assert told in found.told
    assert bool(found.told) is bool(told)


@pytest.mark.parametrize(
    ("name", "texts", "told"),
    [
        ("patient_name", ["Ada Lovelace", "Alan Turing"] * 20, "names a person"),
        ("who", [f"Smith{chr(97 + i % 26)}, Ann" for i in range(60)], "names a person"),
        ("c", [f"a{i}@b.org" for i in range(60)], "is an e-mail address"),
        ("c", [f"(555) {i + 100}-1234" for i in range(60)], "is a telephone number"),
        ("c", [f"{i + 100}-12-1234" for i in range(60)], "is a social security number"),
        ("MRN", [str(i % 30) for i in range(60)], "is a medical record number"),
        ("notes", [f"seen on day {i} with pain in the chest" for i in range(60)], "free text"),
    ],
)
def test_direct_identifiers_and_free_text_are_named_and_never_modelled(name, texts, told):
    found = column(texts, name)
    assert said(found)["kind"] == "identifier"
    assert told in found.told


def test_spellings_of_one_answer_are_one():
    found = said(column(["Yes"] * 9 + ["yes", "Y", "YES", "No", "no", "n", "no", "no"]))
    assert (found["categories"], set(found["aliases"].values())) == (["Yes", "no"], {"Yes", "no"})  # type: ignore[attr-defined]
    plain = said(column(["T", "F", "other"] * 9))
    assert (plain["categories"], plain.get("aliases")) == (["F", "T", "other"], None)
    floats = said(column(["1", "1.0", "0", "0.0"] * 9))
    assert (floats["categories"], floats["aliases"]) == (["0", "1"], {"1.0": "1", "0.0": "0"})


def test_point_masses_and_heaping_are_proposed():
    zero = said(column(["0"] * 60 + [str(i * 37 % 400 + 1) for i in range(90)]))
    assert (zero["spikes"], zero.get("heaped_at")) == ([0], None)
    fives = said(column([str(5 * (i * 7 % 13 + 28)) for i in range(200)]))
    assert (fives["heaped_at"], fives.get("spikes")) == ([5], None)
    hundreds = said(column([str(100 * (i % 37 + 1)) for i in range(300)]))
    assert hundreds["heaped_at"] == [100]
    tens = [str(10 * (i % 15 + 5)) for i in range(200)] + [str(i % 150 + 50) for i in range(200)]
    assert said(column(tens))["heaped_at"] == [5, 10]
    plain = said(column([str(i * 37 % 400) for i in range(400)]))
    assert "spikes" not in plain
    assert "heaped_at" not in plain


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ([""] * 40, "no row has a value"),
        (["A"] * 40, "every row says the same"),
        (["A"] * 5, ""),
        (["A"] * 40 + [""], ""),
    ],
)
def test_empty_and_constant_columns_are_better_left_out(texts, why):
    assert column(texts).left_out == why


def test_diagnoses_are_codes_and_numbers_of_people_are_not():
    codes = [f"{'EIJ'[i % 3]}{i % 90 + 10}.{i % 9}" for i in range(90)]
    assert said(column(codes))["categories"] is None
    assert said(column([f"P{i:04}" for i in range(90)]))["kind"] == "identifier"
    zips = said(column([str(10_000 + i) for i in range(90)], "zip_code"))
    assert zips["categories"] is None
