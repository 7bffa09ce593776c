"""Every generator and model by the name that configs and saved models use."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from generators.base import Model
from generators.deep.adversaries import RowGenerator
from generators.deep.ctgan import Ctgan
from generators.deep.diffusion import Diffusion, MaskedDenoiser
from generators.deep.generator import DeepModel
from generators.deep.pategan import Chain, PateGan
from generators.images.diffusion import ImageDiffusion
from generators.images.gan import ImageGan, Refiner
from generators.images.generator import ImageSgd, load_image_model
from generators.images.networks import ImageDenoiser
from generators.marginals.generator import Aim, MarginalModel, Mst
from generators.synthcity.generator import (
    Adsgan,
    Claimed,
    Ddpm,
    Dpgan,
    NonPrivate,
    Pategan,
    SurvivalGan,
    Synthcity,
)
from generators.synthcity.generator import Ctgan as SynthcityCtgan
from generators.synthcity.pool import Pool
from privacy.errors import InputError

GENERATORS: Mapping[str, type[Any]] = {
    "aim": Aim,
    "mst": Mst,
    "diffusion": Diffusion,
    "ctgan": Ctgan,
    "pategan": PateGan,
    "image-diffusion": ImageDiffusion,
    "image-gan": ImageGan,
    "synthcity-dpgan": Dpgan,
    "synthcity-pategan": Pategan,
    "synthcity-adsgan": Adsgan,
    "synthcity-ctgan": SynthcityCtgan,
    "synthcity-ddpm": Ddpm,
    "synthcity-survival_gan": SurvivalGan,
}

BROKEN = "is broken in synthcity 0.2.12 on current libraries: "
REFUSED: Mapping[str, str] = {
    "synthcity-aim": f"{BROKEN}it fails in scipy. `aim` is ours",
    "synthcity-privbayes": f"{BROKEN}it asks for 474 GB on continuous columns. Take `aim` or `mst`",
    "privbayes": "is not here, and synthcity's is broken. Take `aim` or `mst`",
}
"""What people may ask for by name, and why they do not get it."""

WORKERS = tuple(name for name, kind in GENERATORS.items() if issubclass(kind, Synthcity))
"""Those in an environment of their own."""

UNVERIFIED = tuple(name for name, kind in GENERATORS.items() if issubclass(kind, Claimed))
"""Those whose guarantee is somebody else's word."""

NON_PRIVATE = tuple(name for name, kind in GENERATORS.items() if issubclass(kind, NonPrivate))
"""Those that promise nothing, for public rows."""

IMAGES = tuple(name for name, kind in GENERATORS.items() if issubclass(kind, ImageSgd))
"""Those that draw image sets."""

FROM_PUBLIC = tuple(name for name, kind in GENERATORS.items() if issubclass(kind, ImageDiffusion))
"""Those that public images may teach first."""

MODELS: Mapping[str, Callable[[Path], Model]] = {
    "marginals": MarginalModel.load,
    "diffusion": partial(DeepModel.load, build=MaskedDenoiser),
    "ctgan": partial(DeepModel.load, build=RowGenerator),
    "pategan": partial(DeepModel.load, build=Chain),
    "image-diffusion": partial(load_image_model, build=ImageDenoiser),
    "image-gan": partial(load_image_model, build=Refiner),
    "pool": Pool.load,
}


def load_model(folder: Path) -> Model:
    """The model that ``Model.save`` wrote into ``folder``; no pickle is read."""
    try:
        kind = json.loads((folder / "model.json").read_text(encoding="utf-8"))["kind"]
        return MODELS[kind](folder)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: not a model that Understudy saved ({error})") from error
