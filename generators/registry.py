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
from privacy.errors import InputError

GENERATORS: Mapping[str, type[Any]] = {
    "aim": Aim,
    "mst": Mst,
    "diffusion": Diffusion,
    "ctgan": Ctgan,
    "pategan": PateGan,
    "image-diffusion": ImageDiffusion,
    "image-gan": ImageGan,
}

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
}


def load_model(folder: Path) -> Model:
    """The model that ``Model.save`` wrote into ``folder``; no pickle is read."""
    try:
        kind = json.loads((folder / "model.json").read_text(encoding="utf-8"))["kind"]
        return MODELS[kind](folder)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: not a model that Understudy saved ({error})") from error
