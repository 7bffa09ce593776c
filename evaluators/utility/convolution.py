"""A small convolutional network: the learner of image sets, and the one that gives features.

Trained on synthetic images and tested on real ones it is the field's measure of DP image synthesis
(DPDM, Dockhorn et al. 2023). Nothing is tuned: a fixed number of images is shown whatever the size
of the set, so that a run costs the same; the same seed on the same device gives the same network.
No batch normalisation: its statistics are those of the synthetic images, and on real ones, which
are sharper, such a network may fail altogether by the chance of its seed.

torch comes with it, which rows without pictures do without: it is imported where there are some.

Privacy claim: none; networks trained on real images, and what they predict, are internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from evaluators.utility.learners import Learner, Predict, commonest, constant

SIDE = 64
"""Images with a longer side are reduced by a whole factor before a network sees them."""

SHOWN = 100_000
"""So many images are shown in a training, some often, and none more than ``EPOCHS`` times."""

EPOCHS = 60
BATCH = 128
RATE = 2e-3
WIDTHS = (32, 64)
FEATURES = 128
DROPOUT = 0.5
GRID = 8
"""Larger feature maps are averaged to GRID × GRID, so that any size of image fits."""


def shrunk(images: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Images uint8 [n, h, w, c] by block means, so that no side is longer than ``side``."""
    factor = -(-max(images.shape[1:3]) // side)
    if factor == 1:
        return images
    parts = []
    for start in range(0, len(images), BATCH):
        part = torch.tensor(images[start : start + BATCH]).permute(0, 3, 1, 2).float()
        means = F.avg_pool2d(part, factor, ceil_mode=True, count_include_pad=False)
        parts.append(means.round().to(torch.uint8).permute(0, 2, 3, 1))
    return torch.cat(parts).numpy()


class Grid(nn.Module):
    """Adaptive average pooling as a product of matrices, whose gradient CUDA sums in one order.

    Maps that are no larger than the grid stay as they are.
    """

    def forward(self, maps: Tensor) -> Tensor:
        rows, columns = (
            F.adaptive_avg_pool1d(torch.eye(n, device=maps.device), min(n, GRID))
            for n in maps.shape[2:]
        )
        return torch.einsum("bchw,hi,wj->bcij", maps, rows, columns)


def network(shape: tuple[int, int, int], classes: int) -> nn.Sequential:
    """Blocks of convolution, then features, then a logit for each class; ``shape`` [h, w, c]."""
    height, width, channels = shape
    layers: list[nn.Module] = []
    for before, after in zip((channels, *WIDTHS), WIDTHS, strict=False):
        layers += [
            nn.Conv2d(before, after, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        ]
        height, width = -(-height // 2), -(-width // 2)
    wide = WIDTHS[-1] * min(height, GRID) * min(width, GRID)
    body = nn.Sequential(
        *layers, Grid(), nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(wide, FEATURES)
    )
    return nn.Sequential(body, nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, classes)))


@dataclass(frozen=True, eq=False)
class Trained:
    """A network and the class that each of its logits stands for."""

    network: nn.Sequential
    classes: np.ndarray

    def features(self, images: np.ndarray) -> np.ndarray:
        """What the last layer sees, [n, FEATURES]."""
        return self._through(self.network[0], images)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """[n, classes]."""
        logits = torch.from_numpy(self._through(self.network, images))
        return logits.double().softmax(dim=1).numpy()

    @torch.no_grad()
    def _through(self, part: nn.Module, images: np.ndarray) -> np.ndarray:
        device = next(part.parameters()).device
        images = shrunk(images)
        starts = range(0, len(images), BATCH)
        found = [part(_pixels(images[s : s + BATCH], device)).float().cpu() for s in starts]
        return torch.cat(found).numpy()


def _pixels(images: np.ndarray, device: torch.device) -> Tensor:
    """−1 to 1, [n, channels, height, width] with the channels last in memory."""
    return torch.tensor(images, device=device).permute(0, 3, 1, 2).float() / 127.5 - 1


def train(images: np.ndarray, y: np.ndarray, seed: int, shown: int = SHOWN) -> Trained:
    """A network that tells the classes in ``y``, by Adam under one cycle of the learning rate."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classes, numbers = np.unique(y, return_inverse=True)
    images = shrunk(images)
    batch = min(BATCH, len(images))
    steps = max(1, min(shown, EPOCHS * len(images)) // batch)
    rng = np.random.default_rng(seed)
    order = np.concatenate(
        [rng.permutation(len(images)) for _ in range(-(-steps * batch // len(images)))]
    )
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.backends.cudnn.flags(deterministic=True):
        torch.manual_seed(seed)
        model = network(images.shape[1:], len(classes)).to(device)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1)
        for rows in order[: steps * batch].reshape(steps, batch):
            wanted = torch.from_numpy(numbers[rows]).to(device)
            loss = F.cross_entropy(model(_pixels(images[rows], device)), wanted)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
    return Trained(model.eval(), classes)


def cnn_risk(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """The probability of the event."""
    if len(np.unique(y)) < 2:
        return constant(y)
    trained = train(X, y, seed)
    return lambda Z: trained.probabilities(Z)[:, 1]


def cnn_class(X: np.ndarray, y: np.ndarray, seed: int) -> Predict:
    """The likeliest class."""
    if len(np.unique(y)) < 2:
        return commonest(y)
    trained = train(X, y, seed)
    return lambda Z: trained.classes[trained.probabilities(Z).argmax(axis=1)]


IMAGE_LEARNERS: Mapping[str, Mapping[str, Learner]] = {
    "classification": {"cnn": cnn_risk},
    "multiclass": {"cnn": cnn_class},
}
"""task → name → learner from the image."""
