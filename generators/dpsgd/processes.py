"""The torch process group that training may run in; a single process where there is none."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def _group() -> bool:
    return dist.is_available() and dist.is_initialized()


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _group() else 1


def rank() -> int:
    """This process's number; 0 alone adds noise and writes files."""
    return dist.get_rank() if _group() else 0


def gathered(mine: Tensor, device: torch.device) -> list[Tensor]:
    """A tensor of the same shape from each process, on the CPU; by way of ``device``, as the group needs it."""
    if world() == 1:
        return [mine]
    everyone = [torch.empty_like(mine, device=device) for _ in range(world())]
    dist.all_gather(everyone, mine.to(device))
    return [tensor.cpu() for tensor in everyone]


def agreed(wish: bool, device: torch.device | str = "cpu") -> bool:
    """What process 0 wishes: clocks differ, and all must do the same."""
    if world() == 1:
        return wish
    flag = torch.tensor([wish], dtype=torch.uint8, device=device)
    dist.broadcast(flag, src=0)
    return bool(flag)
