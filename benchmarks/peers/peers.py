"""Everybody in the comparison: worker, mechanism, options that differ from the defaults, known leaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# the allocator keeps its pages: the per-example gradients of opacus fault them in anew otherwise
KEEPS_PAGES = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34)}
ONE_MEGABYTE = {"max_model_size": 1.0}


@dataclass(frozen=True)
class Peer:
    """A worker script, what it calls the mechanism, and what is known of its claim."""

    worker: str
    mechanism: str
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.worker == "ours.py"


PEERS: Mapping[str, Peer] = {  # cheap ones first: in this order they run
    "ours-mst": Peer("ours.py", "mst"),
    "ours-aim": Peer("ours.py", "aim"),
    "ours-ctgan": Peer("ours.py", "ctgan"),
    "ours-pategan": Peer("ours.py", "pategan"),
    "ours-diffusion": Peer("ours.py", "diffusion"),
    "smartnoise-mst": Peer("smartnoise_marginals.py", "mst"),
    "dpmm-mst": Peer("dpmm_marginals.py", "mst"),
    "dpmm-privbayes": Peer("dpmm_marginals.py", "privbayes"),
    "smartnoise-patectgan": Peer("smartnoise_gans.py", "patectgan", environment=KEEPS_PAGES),
    "synthcity-pategan": Peer("synthcity_gans.py", "pategan", environment=KEEPS_PAGES),
    "smartnoise-dpctgan": Peer("smartnoise_gans.py", "dpctgan", environment=KEEPS_PAGES),
    "synthcity-dpgan": Peer("synthcity_gans.py", "dpgan", {"n_iter": 10}, KEEPS_PAGES),
    "dpmm-aim": Peer("dpmm_marginals.py", "aim", ONE_MEGABYTE),
    "smartnoise-aim": Peer("smartnoise_marginals.py", "aim", ONE_MEGABYTE),
}
