"""registry.yaml: the registry's fields and no other, tier 3, the same after it is read again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.bundle.write import _public
from flows.cards.deployment_registry import entry
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.evaluators.made_pages import make_label
from tests.flows.frames import test_export
from tests.flows.frames.test_export import SCHEMAS, drawn

TEXT, NUMBER = (str,), (int, float)

FIELDS: dict[str, Any] = {
    "url_slug": TEXT,
    "status": {
        "Converted", "Draft", "Pending", "Changes Required", "Approved", "Approved (Update Requested)",
        "Approved (Pending)",
    },
    "tier": {1, 2, 3},
    "deployment": {
        "basic": {
            "name": TEXT,
            "data_curators": [TEXT],
            "intended_use": TEXT,
            "data_product_type": {
                "Summary statistics", "Machine learning model", "Dataset", "Synthetic data",
                "Interactive API", "SQL queries",
            },
            "data_product_region": TEXT,
            "description": TEXT,
            "publication_date": TEXT,
            "data_product_sector": {
                "Technology", "Healthcare", "Education", "Government", "Energy", "Finance",
            },
        },
        "dp_variant": {
            "variant_name": {
                "Pure DP", "Approximate DP", "Zero-concentrated DP", "Renyi DP", "Custom",
            },
            "data_domain": TEXT,
            "unprotected_quantities": TEXT,
        },
        "privacy_loss": {
            "privacy_unit": TEXT,
            "privacy_unit_details": TEXT,
            "privacy_parameters": {"epsilon": NUMBER, "delta": (*NUMBER, str), "rho": NUMBER},
            "privacy_parameters_details": TEXT,
        },
        "deployment_model": {
            "model_name": {"Local", "Central", "Shuffle", "Federated", "Varies"},
            "model_name_details": TEXT,
            "actors": TEXT,
            "release_type": {"One release", "Many releases"},
            "release_type_details": TEXT,
            "data_source_type": {"Static", "Dynamic"},
            "data_source_type_details": TEXT,
            "access_type": {"Interactive", "Non-interactive"},
            "access_type_details": TEXT,
        },
        "accounting": {"post_processing": TEXT, "composition": TEXT},
        "implementation": {
            "preprocessing_and_hyperparameter_tuning": TEXT,
            "mechanisms": TEXT,
            "justification": TEXT,
        },
        "administrative": {"sources": TEXT, "notes": TEXT, "registry_authors": [TEXT]},
    },
}  # fmt: skip
"""The registry's schema of July 2026: no further property is allowed; sets are what may stand there."""

OPTIONAL = {"data_product_sector", "rho"}
"""All else is there at tier 3."""


def misfits(found: Any, wanted: Any, where: str = "") -> list[str]:
    """Where an entry is not as the registry asks."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return [where]
        more = [f"{where}/{k}: unknown" for k in found.keys() - wanted.keys()]
        gone = [f"{where}/{k}: missing" for k in wanted.keys() - found.keys() - OPTIONAL]
        both = [
            w
            for k in wanted.keys() & found.keys()
            for w in misfits(found[k], wanted[k], f"{where}/{k}")
        ]
        return more + gone + both
    if isinstance(wanted, list):
        if not isinstance(found, list) or not found:
            return [where]
        return [w for f in found for w in misfits(f, wanted[0], where)]
    if isinstance(wanted, set):
        return [] if found in wanted else [f"{where}: {found!r}"]
    sound = isinstance(found, wanted) and not isinstance(found, bool) and found != ""
    return [] if sound else [f"{where}: {found!r}"]


@pytest.fixture(params=SCHEMAS)
def case(request: Any) -> tuple[Schema, dict[str, Any]]:
    schema = SCHEMAS[request.param]
    return schema, test_export.label(schema)  # hostile names and descriptions


def test_the_entry_has_the_registry_s_fields_and_no_other(case: tuple[Schema, Any]) -> None:
    schema, label = case
    found = entry(label, schema, "ab" * 32)
    assert misfits(found, FIELDS) == []
    dt.date.fromisoformat(found["deployment"]["basic"]["publication_date"])
    label["provenance"]["sector"] = "Healthcare"
    basic = entry(label, schema, "ab" * 32)["deployment"]["basic"]
    assert basic["data_product_sector"] == "Healthcare"


def test_the_check_finds_what_the_registry_refuses(case: tuple[Schema, Any]) -> None:
    schema, label = case
    found = entry(label, schema, "ab" * 32)
    deployment = found["deployment"]
    deployment["privacy_loss"]["privacy_parameters"]["epsilon"] = "1"
    deployment["basic"]["surprise"] = "?"
    del deployment["accounting"]["composition"]
    found["tier"] = 0
    assert len(misfits(found, FIELDS)) == 4


def test_it_reads_back_as_it_was_written(case: tuple[Schema, Any], tmp_path: Path) -> None:
    schema, label = case
    _public(tmp_path / "public", schema, label, Rows.of(drawn(schema)))
    text = (tmp_path / "public" / "registry.yaml").read_text("utf-8")
    assert not [t for t in yaml.scan(text) if getattr(t, "style", None) == ">"]
    read = yaml.safe_load(text)
    sources = read["deployment"]["administrative"]["sources"]
    digest = sources.split("SHA-256 ")[1].split(":")[0]
    assert read == entry(label, schema, digest)
    parameters = read["deployment"]["privacy_loss"]["privacy_parameters"]
    assert parameters == {k: make_label()["guarantee"][k] for k in ("epsilon", "delta")}
    assert read["url_slug"] == "synthetic-copy-of-ward-a-hospital-2026"
