"""An example of every key that a person may write, by its model: what an error shows beside a mistake.

Each is YAML as it may stand after the key; a test reads every one into its field.

Privacy claim: none; made up.
"""

from __future__ import annotations

from collections.abc import Mapping

A_LOSS = "{epsilon: 1.0, delta: 1.0e-6}"
A_GENERATOR = "{name: aim}"
NAMES = "[age, weight]"
GAPS = "{discharged - admitted: {kind: integer, bounds: [0, 365]}}"
COLUMN = {"description": "Age at admission.", "missing": "keep", "missing_values": '["", "NA"]'}
NUMBERS = {"out_of_range": "clamp", "bins": "10", "shape": "{edges: [0, 10, 20], weights: [3, 1]}"}
TARGET = {"task": "classification", "without": "[outcome_date]", "column": "ill"}

EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "Schema": {
        "name": "heart-study",
        "description": "Patients of one ward.",
        "source": "The study's code book, 2024.",
        "unit": "patient_id",
        "max_rows_per_unit": "12",
        "public_rows": "5000",
        "surplus_columns": "drop",
        "csv": '{separator: ";"}',
        "npz": "{image: train_images}",
        "columns": "{age: {kind: integer, bounds: [0, 120]}}",
        "targets": '[{task: classification, column: ill, positive: ["yes"]}]',
        "subgroups": "[{column: sex}]",
        "keep_together": "[[age, weight]]",
        "impossible": '[{sex: {values: ["M"]}, pregnant: {values: ["yes"]}}]',
        "relations": "[{order: [admitted, discharged]}]",
        "gaps": GAPS,
        "visits": "{order: visit_date}",
        "tables": "{patients: {}, visits: {of: patients}}",
    },
    "Csv": {
        "separator": '";"',
        "encoding": "latin-1",
        "decimal": '","',
        "header": "false",
        "strip": "true",
        "newlines": "true",
        "comment": '"#"',
    },
    "Categorical": COLUMN
    | {
        "kind": "categorical",
        "categories": '["no", "yes"]',
        "other": "other",
        "aliases": '{"Y": "yes"}',
        "rules": "[{to: circulatory, min: 390, below: 460}]",
        "hierarchy": "{prefixes: [3, 1]}",
    },
    "Rule": {
        "to": "circulatory",
        "prefix": "V",
        "min": "390",
        "below": "460",
        "metric": "base_rate.difference",
        "rows": "holdout",
        "at_least": "-0.05",
        "at_most": "0.05",
        "name": "base-rates",
        "description": "Event rates within .05 of the real ones.",
        "slices": "[all, groups]",
        "task": "classification",
        "alternative": "{metric: utility.auroc.ratio, at_least: 0.95}",
        "learner": "best",
        "pass_needs": "value",
        "veto_needs": "interval",
        "detect": "0.15",
        "on_insufficient": "note",
    },
    "Hierarchy": {"prefixes": "[3, 1]", "parents": "{E11: E10-E14}", "released": "parent"},
    "Numeric": COLUMN
    | NUMBERS
    | {
        "kind": "integer",
        "bounds": "[0, 120]",
        "special": "[999]",
        "decimals": "1",
        "spikes": "[0]",
        "heaped_at": "[5, 10]",
    },
    "Shape": {"edges": "[0, 10, 20]", "weights": "[3, 1]", "steps": "[[1, 0.8], [5, 0.2]]"},
    "Datetime": COLUMN
    | NUMBERS
    | {
        "kind": "datetime",
        "bounds": "[2010-01-01, 2020-12-31]",
        "format": '"%d.%m.%Y"',
        "resolution": "day",
        "zone": "Europe/Berlin",
        "pivot": "2030",
        "spikes": "[2010-01-01]",
        "heaped_at": "[month, year]",
    },
    "Identifier": COLUMN | {"kind": "identifier", "missing": "refuse"},
    "Image": COLUMN | {"kind": "image", "height": "28", "width": "28", "channels": "1"},
    "Classification": TARGET | {"positive": '["yes"]'},
    "Multiclass": TARGET | {"task": "multiclass"},
    "Regression": TARGET | {"task": "regression"},
    "Survival": TARGET
    | {"task": "survival", "time": "days", "event": "death", "event_values": '["1"]'},
    "Subgroup": {
        "column": "age",
        "name": "age",
        "bands": "[18, 40, 65, 90]",
        "public_sizes": "{F: 1200, M: 1300}",
    },
    "Condition": {"values": '["M"]', "min": "0", "max": "12", "missing": "true"},
    "Order": {
        "order": "[admitted, discharged]",
        "strict": "true",
        "gap": "{min: 0, max: 365}",
        "drawn": "own",
    },
    "Gap": {"min": "0", "max": "365", "bins": "10"},
    "Total": {"total": "cost", "parts": "[drugs, laboratory]"},
    "Equal": {"equal": "[last_seen, died]", "when": '{dead: ["1"]}'},
    "Determined": {"determined": "years", "by": "degree", "table": "{Bachelors: 13}"},
    "MissingTogether": {"missing_together": "[systolic, diastolic]"},
    "Visits": {
        "order": "visit_date",
        "constant": "[sex]",
        "numbered": "[visit]",
        "never_falls": "[stage]",
        "rises": "[day]",
        "ages": "{age: 365.25}",
        "gaps": "{visit_date: {kind: integer, bounds: [0, 3650]}}",
        "remembers": "{relapse: ever}",
        "ends": '{outcome: ["died"]}',
    },
    "Table": {
        "of": "visits",
        "key": "visit_id",
        "rows": '[{fixed: {code: "E11"}, where: diabetes}]',
        "copies": "{start_date: visit_date}",
    },
    "Slot": {"fixed": '{code: "E11"}', "where": "diabetes", "values": "{value: weight}"},
    "RunConfig": {
        "name": "heart-2024",
        "schema": "heart.yaml",
        "data": "heart.csv",
        "guarantee": A_LOSS,
        "budget": "{epsilon: 4.0, delta: 1.0e-6}",
        "evaluation": A_LOSS,
        "holdout": "0.2",
        "domain_share": "0.1",
        "generator": A_GENERATOR,
        "select": "{by: holdout, others: [{name: mst}]}",
        "rows": "5000",
        "seed": "1",
        "policy": "policy.yaml",
        "approval": "person",
        "same_people_as": "heart-2023",
        "other_people_than": "[lung-study]",
        "public_images": "public/",
        "inception": "inception.pth",
        "license": "cc-by-4.0",
        "about": "{intended_use: To teach statistics.}",
        "scheduler": "tcp://scheduler:8786",
        "ledger": "ledger.db",
        "runs": "runs",
    },
    "Loss": {"epsilon": "1.0", "delta": "1.0e-6"},
    "Select": {"by": "holdout", "others": "[{name: mst}]", "mean": "4"},
    "About": {
        "publisher": "The ward's statisticians",
        "contact": "data@example.org",
        "intended_use": "To teach statistics.",
        "settings_from": "The defaults of Understudy.",
        "region": "Olmsted County, Minnesota",
        "sector": "Healthcare",
    },
    "Policy": {
        "name": "default",
        "description": "What must hold before rows leave the house.",
        "figures": "all",
        "unverified": "veto",
        "small_groups": "ask",
        "rules": "[{name: alike, metric: column.tv_excess, slices: [all], at_most: 0.05}]",
        "on_failed": "insufficient",
    },
    "Limits": {
        "metric": "utility.auroc.ratio",
        "rows": "holdout",
        "at_least": "0.95",
        "at_most": "0.05",
    },
    "Sweep": {
        "name": "first-look",
        "public": "true",
        "data_sets": "[{release: heart-release.yaml}]",
        "generators": "{aim: {}, mst: {}}",
        "epsilon": "[1, 4]",
        "delta": "1.0e-6",
        "seeds": "[0, 1]",
        "measure": "[utility, fairness]",
        "workers": "{kind: processes, count: 2}",
        "folder": "runs/first-look",
    },
    "DataSet": {"release": "heart-release.yaml", "data": "heart.csv"},
    "Workers": {"kind": "processes", "count": "2", "address": "tcp://localhost:8786"},
}
"""By model and key. Two models are called Rule, of a column and of a policy; they share no key."""

MEANT: Mapping[str, str] = {
    "text": "categorical",
    "string": "categorical",
    "str": "categorical",
    "enum": "categorical",
    "factor": "categorical",
    "nominal": "categorical",
    "bool": "categorical",
    "boolean": "categorical",
    "binary": "categorical",
    "int": "integer",
    "number": "float",
    "numeric": "float",
    "double": "float",
    "real": "float",
    "continuous": "float",
    "date": "datetime",
    "time": "datetime",
    "timestamp": "datetime",
    "id": "identifier",
    "key": "identifier",
    "binary-classification": "classification",
    "time-to-event": "survival",
}
"""What other tools call the kinds that there are here."""
