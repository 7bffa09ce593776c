"""registry.yaml: the release as an entry of OpenDP's registry of differential privacy deployments.

The fields are those of ``schemas/deployments-schema.yaml`` in opendp/deployments-registry-data, filled as far
as its tier 3 asks, so that a publisher can send the file as it is. Its status is for the registry's board to
change.

Privacy claim: shows only what the label and the public schema say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from flows.cards.card import ADVICE, events
from flows.label.provenance import NOT_STATED
from privacy.schema.schema import Schema


def write_registry(folder: Path, label: dict[str, Any], schema: Schema) -> None:
    """Write registry.yaml beside the label.json that is already in ``folder``."""
    digest = hashlib.sha256((folder / "label.json").read_bytes()).hexdigest()
    text = yaml.dump(
        entry(label, schema, digest),
        Dumper=_Literal,
        sort_keys=False,
        allow_unicode=True,
        width=1 << 20,
    )
    (folder / "registry.yaml").write_text(text, encoding="utf-8")


def entry(label: dict[str, Any], schema: Schema, label_digest: str) -> dict[str, Any]:
    """The entry as plain values."""
    basic = _basic(label, schema)
    return {
        "url_slug": _slug(basic),
        "status": "Draft",
        "tier": 3,
        "deployment": {
            "basic": basic,
            "dp_variant": _variant(label, schema),
            "privacy_loss": _loss(label),
            "deployment_model": _model(label),
            "accounting": {
                "post_processing": label["implementation"]["post_processing"],
                "composition": "All draws are composed as one mechanism by "
                f"{label['accounting']['accountant']}. Train and holdout hold different units, so "
                "what is charged to one does not add to the other "
                "(parallel composition).",
            },
            "implementation": _implementation(label),
            "administrative": {
                "sources": _lines(
                    [
                        f"label.json beside this file, SHA-256 {label_digest}: every parameter, event and hash",
                        "card.html: the same for people",
                        f"Contact: {label['provenance']['contact']}",
                    ]
                ),
                "notes": "Written by Understudy "
                f"{label['implementation']['libraries']['understudy']} from the release's own label.",
                "registry_authors": [label["provenance"]["publisher"]],
            },
        },
    }


def _basic(label: dict[str, Any], schema: Schema) -> dict[str, Any]:
    release, stated = label["release"], label["provenance"]
    sector = {"data_product_sector": stated["sector"]} if stated["sector"] != NOT_STATED else {}
    return {
        "name": f"Synthetic copy of {release['data_set']}",
        "data_curators": [stated["publisher"]],
        "intended_use": stated["intended_use"],
        "data_product_type": "Synthetic data",
        "data_product_region": stated["region"],
        "description": " ".join(
            f"{release['synthetic_rows']} synthetic rows of {len(schema.columns)} columns in place of a "
            f"private table. {release['description']}".split()
        ),
        "publication_date": release["created"],
        **sector,
    }


def _slug(basic: dict[str, Any]) -> str:
    """As the registry's own ``scripts/update_slug.py`` makes it."""
    parts = basic["name"], "-".join(basic["data_curators"]), basic["publication_date"][:4]
    return "_".join(re.sub(r"\W+", "_", part.lower()) for part in parts).replace("_", "-")


def _variant(label: dict[str, Any], schema: Schema) -> dict[str, Any]:
    return {
        "variant_name": "Approximate DP",
        "data_domain": "All tables, of any number of rows, with the columns and values that schema.yaml "
        f"declares: {', '.join(schema.columns)}.",
        "unprotected_quantities": _lines(label["not_covered"]),
    }


def _loss(label: dict[str, Any]) -> dict[str, Any]:
    guarantee = label["guarantee"]
    return {
        "privacy_unit": guarantee["unit"],
        "privacy_unit_details": f"Adjacent tables: {guarantee['neighbouring_relation']}. Of a unit at most "
        f"{guarantee['max_rows_per_unit']} rows count. Protected: {guarantee['protects']}.",
        "privacy_parameters": {"epsilon": guarantee["epsilon"], "delta": guarantee["delta"]},
        "privacy_parameters_details": _lines(
            [guarantee["in_words"], label["risk"]["in_words"], f"Guarantee: {guarantee['basis']}."]
        ),
    }


def _model(label: dict[str, Any]) -> dict[str, Any]:
    ledger = label["accounting"]["ledger"]
    return {
        "model_name": "Central",
        "model_name_details": label["guarantee"]["definition"],
        "actors": _lines(
            [
                "The curator holds the private rows and is trusted with them.",
                "Whoever receives the synthetic rows is trusted with nothing, and may know everything about "
                "everybody but one unit.",
            ]
        ),
        "release_type": "One release",
        "release_type_details": f"All releases of this data set together have spent ε = "
        f"{ledger['data_set_epsilon_spent']:.6g} of at most {ledger['data_set_epsilon_budget']:g} at δ = "
        f"{ledger['data_set_delta']:g}; a ledger refuses what would exceed it.",
        "data_source_type": "Static",
        "data_source_type_details": "The release was made once, from one state of the table.",
        "access_type": "Non-interactive",
        "access_type_details": "Synthetic rows are published; nobody queries the private ones.",
    }


def _implementation(label: dict[str, Any]) -> dict[str, Any]:
    made, settings, decision = (
        label["implementation"],
        label["provenance"]["settings"],
        label["decision"],
    )
    left_open = label["accounting"]["what_the_schema_left_open"]["columns"]
    return {
        "preprocessing_and_hyperparameter_tuning": _lines(
            [
                "Columns, bounds and categories come from a schema that a person wrote and calls public"
                + (
                    f"; bins, categories or shapes of {', '.join(left_open)} were measured under the charge."
                    if left_open
                    else "."
                ),
                f"Pre-training: {label['public_facts_assumed']['pre_training']}.",
                f"Where the settings come from, in the curator's words: {settings['stated']}.",
                settings["in_words"],
            ]
        ),
        "mechanisms": _lines(
            [
                *(_draw(e) for e in events(label)),
                f"Generator: {label['release']['generator']['name']}.",
                f"Randomness: {made['randomness'].rstrip('.')}.",
                "Libraries: " + ", ".join(f"{n} {v}" for n, v in made["libraries"].items()) + ".",
                "Rows are opened by a permit that a ledger gives after its charge; timing is not protected.",
            ]
        ),
        "justification": _lines(
            [
                f"Decision: {decision['decision']} under policy {decision['policy']} (SHA-256 "
                f"{decision['policy_sha256']}), on {decision['figures']} figures, by {decision['decided_by']}.",
                *(" ".join(advice) for advice in ADVICE),
            ]
        ),
    }


def _draw(event: dict[str, Any]) -> str:
    settings = f" ({event['settings']})" if event["settings"] else ""
    return f"{event['purpose']}: {event['times']} × {event['mechanism']}{settings}"


def _lines(texts: Iterable[str]) -> str:
    """A list in Markdown, as the registry shows its texts."""
    return "".join(f"- {text}\n" for text in texts)


class _Literal(yaml.SafeDumper):
    """Texts of several lines as they read, which the registry asks for."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Literal.add_representer(str, _text)
