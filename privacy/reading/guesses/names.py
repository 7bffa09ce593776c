"""What a column is by what it is called: who is named by it, whom it tells apart, what it may naturally hold.

The direct identifiers are those of the Safe Harbor list of HIPAA, 45 CFR 164.514(b)(2). A name is a guess; it
says nothing of any row.

Privacy claim: none; looks at names and labels alone.
"""

from __future__ import annotations

import re

IDENTIFIERS = {
    "names a person": r"(.* )?(first|last|given|family|full|middle|maiden|sur|patient|user|contact|participant"
    r"|kin|subject|doctor|physician|nurse|mother|father|parent|guardian)s? (contact )?name|name (first|last)"
    r"|surname|firstname|lastname|fullname|forename|initials|nachname|vorname|nom|prenom|apellidos?|nombre",
    "is an e-mail address": r"e ?mail( address)?",
    "is a telephone number": r"(tele)?phone|telefon|mobile|cell ?phone|fax|tel|telephone|handy",
    "is a social security number": r"ssn|social security( (number|no))?|nhs (number|no)|passport( (number|no))?"
    r"|insurance (number|no|id)|versicherten(nummer|nr)|national id",
    "is a medical record number": r"v?mrn|medical record( (number|no))?|hospital (number|no)|chart (number|no)"
    r"|fall(nummer|nr)|patienten(nummer|nr)",
    "is an address": r"(home |street |postal |mailing |kin )?address|street|strasse|straße|adresse|anschrift",
    "is an account or a licence": r"account (number|no)|licen[cs]e (number|no)|iban|policy (number|no)",
    "is an address on a network": r"ip ?address|url|website|web ?page|device (id|serial|identifier)",
}
"""What a direct identifier says, and what columns of the kind are called."""

NAMES_SOMEBODY = re.compile(
    r"(id|nbr|mrn)$|(^|[^a-z])(no|nr|num|number|key)$|patient|person|people|subject|participant|client|member"
    r"|pseudonym",
    re.IGNORECASE,
).search
"""Whether a column may name whoever rows are about."""

NAMES_A_PERSON = re.compile(
    r"^(patient|person|people|subject|participant|client|member|study|record|case|pat|subj)[ _-]?(id|nr|no|num"
    r"|number|key|code)?$|^(mrn|pseudonym|usubjid|subjid|pid)$",
    re.IGNORECASE,
).search
"""Whether a column is called as one that names a person usually is."""

SUBGROUPS = re.compile(
    r"(^| )(sex|gender|geschlecht|sexe|sexo|race|ethnicity|ethnic|ethnie|insurance|site|hospital|centre|center"
    r"|language)( |$)"
).search
"""Whether people are usually told apart by a column."""

AGE = re.compile(r"(^| )(age|alter|edad)( |$)").search

NATURAL: tuple[tuple[str, tuple[int, int]], ...] = (
    (r"year of birth|birth year|yob|geburtsjahr", (1900, 2030)),
    (r"month of birth|birth month", (1, 12)),
    (r"day of birth|birth day", (1, 31)),
    (r"age|alter|edad", (0, 120)),
    (r"(body )?height|(body )?height cm|groesse|größe", (30, 250)),
    (r"(body )?weight|(body )?weight kg|gewicht", (0, 400)),
    (r"bmi|body mass index", (5, 100)),
    (r"systolic|sbp|sys ?bp|systolic blood pressure|bp systolic|systolic bp", (0, 350)),
    (r"diastolic|dbp|dia ?bp|diastolic blood pressure|bp diastolic|diastolic bp", (0, 250)),
    (r"heart rate|pulse|hr|puls", (0, 350)),
    (r"spo2|oxygen saturation|sao2", (0, 100)),
)
"""Ranges that hold for people by nature, of columns that are called so."""
OTHER_UNITS = re.compile(
    r"\b(months?|weeks?|days?|hours?|monate|wochen|tage|lbs?|pounds?|inch(es)?|feet|ft|m|metres?|meters?|g|grams?"
    r"|z ?score|percentile|group|range)\b"
).search
"""A label with such a word measures in another way."""


is_postal = re.compile(
    r"(^|[^a-z])(zip ?(code)?|post(al)?[ _-]?codes?|plz|postleitzahl|code[ _-]postal)($|[^a-z])",
    re.IGNORECASE,
).search


def words(name: str) -> str:
    """What a column is called, in small letters with single blanks: ``PatientName_2`` → ``patient name``."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name).lower()
    return " ".join(w for w in re.findall(r"[^\W_]+", apart) if not w.isdigit())


def identifies(*names: str) -> str:
    """What a column that is called so says of a person, "" where it is no direct identifier."""
    for name in filter(None, map(words, names)):
        for what, pattern in IDENTIFIERS.items():
            if re.fullmatch(rf"({pattern})\d?", name):
                return what
    return ""


def natural(name: str, label: str = "") -> tuple[int, int] | None:
    """The range that a number has by nature, by the name or label of its column; None where none is known."""
    told = words(re.sub(r"[([].*", "", label))
    if OTHER_UNITS(words(f"{name} {label}")) and "birth" not in words(name):
        return None
    for pattern, bounds in NATURAL:
        if any(re.fullmatch(rf"({pattern})\d?", text) for text in (words(name), told)):
            return bounds
    return None
