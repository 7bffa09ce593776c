"""Every generator and model by the name that configs and saved models use.

They are imported when asked for: torch and diffusers cost seconds and 300 MB, and AIM needs neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from generators.base import Model
from privacy.errors import InputError


class Places(Mapping[str, type[Any]]):
    """Classes by name, each given as ``module:class`` and imported when it is taken out."""

    def __init__(self, places: Mapping[str, str]):
        self._places = places

    def __getitem__(self, name: str) -> type[Any]:
        kind: type[Any] = resolve_name(self._places[name])
        return kind

    def __contains__(self, name: object) -> bool:
        """Without an import, whose KeyError would otherwise say no."""
        return isinstance(name, str) and name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


GENERATORS = Places(
    {
        "aim": "generators.marginals.generator:Aim",
        "mst": "generators.marginals.generator:Mst",
        "diffusion": "generators.deep.diffusion:Diffusion",
        "ctgan": "generators.deep.ctgan:Ctgan",
        "pategan": "generators.deep.pategan:PateGan",
        "image-diffusion": "generators.images.diffusion:ImageDiffusion",
        "image-matching": "generators.images.matching:ImageMatching",
        "image-gan": "generators.images.gan:ImageGan",
        "synthcity-dpgan": "generators.synthcity.generator:Dpgan",
        "synthcity-pategan": "generators.synthcity.generator:Pategan",
        "synthcity-adsgan": "generators.synthcity.generator:Adsgan",
        "synthcity-ctgan": "generators.synthcity.generator:Ctgan",
        "synthcity-ddpm": "generators.synthcity.generator:Ddpm",
        "synthcity-survival_gan": "generators.synthcity.generator:SurvivalGan",
    }
)

BROKEN = "is broken in synthcity 0.2.12 on current libraries: "
REFUSED: Mapping[str, str] = {
    "synthcity-aim": f"{BROKEN}it fails in scipy. `aim` is ours",
    "synthcity-privbayes": f"{BROKEN}it asks for 474 GB on continuous columns. Take `aim` or `mst`",
    "privbayes": "is not here, and synthcity's is broken. Take `aim` or `mst`",
}
"""What people may ask for by name, and why they do not get it."""

UNVERIFIED = ("synthcity-dpgan", "synthcity-pategan")
"""Those whose guarantee is somebody else's word."""

NON_PRIVATE = (
    "synthcity-adsgan",
    "synthcity-ctgan",
    "synthcity-ddpm",
    "synthcity-survival_gan",
)
"""Those that promise nothing, for public rows."""

WORKERS = UNVERIFIED + NON_PRIVATE
"""Those in an environment of their own."""

LINKED = Places({"aim": "generators.histories.generator:Histories"})
"""By what draws rows, what draws histories of them, where a schema has visits."""

IMAGES = ("image-matching", "image-gan", "image-diffusion")
"""Those that draw image sets."""

FROM_PUBLIC = ("image-diffusion",)
"""Those that public images may teach first."""

MODELS: Mapping[str, tuple[str, ...]] = {
    "marginals": ("generators.marginals.generator:MarginalModel.load",),
    "histories": ("generators.histories.generator:HistoryModel.load",),
    "diffusion": (
        "generators.deep.generator:DeepModel.load",
        "generators.deep.diffusion:MaskedDenoiser",
    ),
    "ctgan": (
        "generators.deep.generator:DeepModel.load",
        "generators.deep.adversaries:RowGenerator",
    ),
    "pategan": ("generators.deep.generator:DeepModel.load", "generators.deep.pategan:Chain"),
    "image-diffusion": (
        "generators.images.generator:load_image_model",
        "generators.images.networks:ImageDenoiser",
    ),
    "image-matching": (
        "generators.images.generator:load_image_model",
        "generators.images.refiner:Refiner",
    ),
    "image-gan": ("generators.images.generator:load_image_model", "generators.images.gan:Refiner"),
    "pool": ("generators.synthcity.pool:Pool.load",),
}
"""By what a saved model of that kind is loaded, and its network where it has one."""


def load_model(folder: Path) -> Model:
    """The model that ``Model.save`` wrote into ``folder``; no pickle is read."""
    load, *network = map(resolve_name, MODELS[_about(folder)["kind"]])
    try:
        model: Model = load(folder, *network)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: not a model that Understudy saved ({error})") from error
    if lacking := model.schema.incomplete:
        raise InputError(
            f"{folder}: was fitted by a version of Understudy that measured no {lacking[0]!r}; take that "
            "version, or fit anew"
        )
    return model


def charge_of(folder: Path) -> str:
    """The hash of the charge that paid for the model saved in ``folder``, as the model has it."""
    return str(_about(folder).get("charge"))


def _about(folder: Path) -> dict[str, Any]:
    """model.json, of a kind that is known."""
    try:
        about: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        kind = about.get("kind") if isinstance(about, dict) else None
        if not isinstance(kind, str) or kind not in MODELS:
            raise ValueError(f"kind {kind!r}")
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not a model that Understudy saved ({error})") from error
    return about
