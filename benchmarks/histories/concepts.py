"""The concepts of OMOP that the made-up database is written in, by what they are called in words here."""

from __future__ import annotations

import pandas as pd

YEAR = 365.25
MALE, FEMALE = 8507, 8532
RACES = {"white": 8527, "black": 8516, "asian": 8515}
INPATIENT, OUTPATIENT, EMERGENCY = 9201, 9202, 9203
CONDITIONS = {"diabetes": 201826, "hypertension": 316866, "failure": 319835, "kidney": 46271022}
"""Type 2 diabetes, hypertension, congestive heart failure, chronic kidney disease."""

SBP, A1C = 3004249, 3004410
MMHG, PERCENT = 8876, 8554

Tables = dict[str, pd.DataFrame]
"""By name: person, visit_occurrence, condition_occurrence, measurement, death."""
