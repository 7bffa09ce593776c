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
    """A worker script, what it calls the mechanism, and one sentence on what its claim leaves out."""

    worker: str
    mechanism: str
    known: str
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.worker == "ours.py"


OURS = "Counts get integer noise, and every question is charged before it is asked."
DEEP = "As ours-aim; the noise of gradients is float."
DPMM = (
    "Noise is float; nothing else found where, as here, the domain is given; without, it is read."
)

PEERS: Mapping[str, Peer] = {  # cheap ones first: in this order they run
    "ours-mst": Peer("ours.py", "mst", OURS),
    "ours-aim": Peer("ours.py", "aim", OURS),
    "ours-ctgan": Peer("ours.py", "ctgan", DEEP),
    "ours-pategan": Peer("ours.py", "pategan", DEEP),
    "ours-diffusion": Peer("ours.py", "diffusion", DEEP),
    "tab-pe": Peer(
        "private_evolution.py",
        "tab-pe",
        "Our own code after the paper, whose package is on no index; noise is float. Its examples read bounds, "
        "categories and the rows of each label from private rows; here they are public or charged.",
    ),
    "smartnoise-mst": Peer(
        "smartnoise_marginals.py",
        "mst",
        "The exact number of private rows is given to the fit (`known_total`) and not charged.",
    ),
    "dpmm-mst": Peer("dpmm_marginals.py", "mst", DPMM),
    "dpmm-privbayes": Peer(
        "dpmm_marginals.py",
        "privbayes",
        "Selection: the score is mutual information in bits divided by the mean of two entropies, the "
        "sensitivity is that of the undivided one in nats, and is computed from the exact row count.",
    ),
    "smartnoise-patectgan": Peer(
        "smartnoise_gans.py",
        "patectgan",
        "Conditions follow the real category frequencies, in training and again when rows are drawn.",
        environment=KEEPS_PAGES,
    ),
    "synthcity-pategan": Peer(
        "synthcity_gans.py",
        "pategan",
        "The δ asked for is overwritten, some queries are not accounted, and ε is looked at too late.",
        environment=KEEPS_PAGES,
    ),
    "mostlyai-argn": Peer(
        "mostlyai_argn.py",
        "argn",
        "Learning rate, checkpoint and stop follow a validation loss on real rows that is not charged.",
    ),
    "smartnoise-dpctgan": Peer(
        "smartnoise_gans.py",
        "dpctgan",
        "Conditions and the rows picked by them follow real category frequencies, so a rare category's "
        "rows are seen far more often than accounted.",
        environment=KEEPS_PAGES,
    ),
    "synthcity-dpgan": Peer(
        "synthcity_gans.py",
        "dpgan",
        "A validation loss on real rows and real conditions steer training and are not charged.",
        {"n_iter": 10},
        KEEPS_PAGES,
    ),
    "dpmm-aim": Peer("dpmm_marginals.py", "aim", DPMM, ONE_MEGABYTE),
    "smartnoise-aim": Peer(
        "smartnoise_marginals.py",
        "aim",
        "Noise is float; nothing else found where the transformer is fitted to public codes, as here.",
        ONE_MEGABYTE,
    ),
}
