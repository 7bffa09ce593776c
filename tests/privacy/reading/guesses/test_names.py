"""What columns are called, and what that says."""

from __future__ import annotations

import pytest

from privacy.reading.guesses.names import AGE, NAMES_A_PERSON, SUBGROUPS, identifies, natural, words


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("PatientName_2", "names a person"),
        ("next_of_kin_contact_name", "names a person"),
        ("E-mail", "is an e-mail address"),
        ("telephone_1", "is a telephone number"),
        ("SSN", "is a social security number"),
        ("mrn", "is a medical record number"),
        ("hospital", ""),
        ("drug_name", ""),
    ],
)
def test_direct_identifiers_by_name(name, what):
    assert identifies(name) == what


@pytest.mark.parametrize(
    ("name", "label", "bounds"),
    [
        ("age", "Age (years)", (0, 120)),
        ("w", "Weight (kilograms)", (0, 400)),
        ("bp_systolic", "", (0, 350)),
        ("month_of_birth", "", (1, 12)),
        ("a", "Age (months)", None),
        ("height", "Height (m)", None),
        ("creatinine", "", None),
    ],
)
def test_ranges_that_people_have_by_nature(name, label, bounds):
    assert natural(name, label) == bounds


def test_people_are_named_and_told_apart():
    assert all(map(NAMES_A_PERSON, ("patient_id", "subject", "USUBJID", "record_id", "MRN")))
    assert not any(map(NAMES_A_PERSON, ("sex", "hospital_id", "case_mix")))
    assert all(SUBGROUPS(words(n)) for n in ("sex", "race_ethnicity", "Gender"))
    assert AGE(words("Age at diagnosis"))
    assert not AGE(words("stage"))
