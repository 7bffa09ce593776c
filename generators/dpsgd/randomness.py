"""Random numbers on a device, seeded by the operating system.

torch seeds its CPU generator (Mersenne Twister) with 32 bits only, so its whole state of 624 words is filled
from the operating system here; its CUDA generator (Philox) takes a seed of 64 bits. Both are floating-point
generators that were not built against somebody who sees their output; what leaves a training run is never
their output itself. The label says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

WORDS = 624
"""Words of the Mersenne Twister's state; torch keeps each in 8 bytes, behind 24 bytes of its own."""


def secret_generator(device: torch.device | str = "cpu") -> torch.Generator:
    """A generator that nobody can repeat."""
    generator = torch.Generator(device)
    generator.manual_seed(secrets.randbits(63))
    if generator.device.type != "cpu":
        return generator
    state = generator.get_state().numpy().copy()
    words = np.frombuffer(secrets.token_bytes(4 * WORDS), dtype=np.uint32)
    state[24 : 24 + 8 * WORDS] = words.astype(np.uint64).view(np.uint8)
    generator.set_state(torch.from_numpy(state))
    return generator


def normal(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Standard normal numbers, float64.

    Box and Muller turn a uniform number of b bits into one of at most √(2b·ln 2): for float32 that is 5.8 on a
    CPU, and what lies beyond would be there with one unit more only, more often than δ allows; here it is 8.6.
    """
    return torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float64)


def describe(device: torch.device | str) -> str:
    """The generator's name for the label."""
    kind = torch.device(device).type
    name = "Mersenne Twister, full state" if kind == "cpu" else "Philox, 64-bit seed"
    return f"torch {torch.__version__} on {kind} ({name} from the operating system), float64"
