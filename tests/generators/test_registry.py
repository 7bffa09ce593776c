"""What the registry says of a generator before it is imported is what its class says."""

import subprocess
import sys
from pathlib import Path

import pytest

from generators import registry
from generators.images.diffusion import ImageDiffusion
from generators.images.generator import ImageSgd
from generators.registry import GENERATORS
from generators.synthcity.generator import Claimed, NonPrivate, Synthcity
from privacy.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (registry.WORKERS, Synthcity),
        (registry.UNVERIFIED, Claimed),
        (registry.NON_PRIVATE, NonPrivate),
        (registry.IMAGES, ImageSgd),
        (registry.FROM_PUBLIC, ImageDiffusion),
    ],
    ids=["workers", "unverified", "non-private", "images", "from-public"],
)
def test_a_list_of_names_holds_those_whose_class_is_of_the_kind(
    names: tuple[str, ...], kind: type
) -> None:
    assert set(names) == {name for name in GENERATORS if issubclass(GENERATORS[name], kind)}


@pytest.mark.parametrize("about", ["null", "[]", '{"kind": []}', '{"kind": "os:system"}', "{}"])
def test_what_is_no_model_is_refused_by_name(about: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(about)
    with pytest.raises(InputError, match="not a model"):
        registry.load_model(tmp_path)


def test_a_name_is_looked_up_without_an_import() -> None:
    """A broken import is not a name that is not there."""
    broken = registry.Places({"x": "generators.no_such_module:X"})
    assert "x" in broken
    assert "y" not in broken
    assert [] not in broken
    with pytest.raises(ModuleNotFoundError):
        broken["x"]


def test_aim_does_without_torch() -> None:
    asked = (
        "import sys\n"
        "from generators import registry, alone\n"
        "registry.GENERATORS['aim']\n"
        "print(sorted({'torch', 'diffusers', 'sklearn', 'jax'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
