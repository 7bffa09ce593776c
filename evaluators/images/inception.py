"""The Inception network of FID, for whoever has its weights: 2048 features of an image.

Inception v3 (Szegedy et al. 2016) as TensorFlow's file of 2015 has it, which the field's Fréchet Inception
distance is computed with (Heusel et al. 2017), in the port and under the names of pytorch-fid: average pools
leave padding out, and the last block pools by the maximum. The weights are not ours to ship: a config names
the file. Only with that very file a distance may be called FID.

Privacy claim: none; public weights, and what they say of real images is internal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from evaluators.images.extractor import Extractor
from privacy.errors import InputError
from privacy.reading.read import file_digest

PUBLISHED = "6726825d"
"""How the SHA-256 of pt_inception-2015-12-05-6726825d.pth begins."""

SIDE = 299
BATCH = 32

Pool = Callable[[Tensor], Tensor]

around: Pool = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
most: Pool = partial(F.max_pool2d, kernel_size=3, stride=1, padding=1)
halved: Pool = partial(F.max_pool2d, kernel_size=3, stride=2)


class Conv(nn.Module):
    """Convolution, batch normalisation by running figures, ReLU."""

    def __init__(
        self,
        into: int,
        out: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        pad: bool = True,
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if pad else 0
        self.conv = nn.Conv2d(into, out, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class A(nn.Module):
    """35 × 35."""

    def __init__(self, into: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(into, 64)
        self.branch5x5_1 = Conv(into, 48)
        self.branch5x5_2 = Conv(48, 64, 5)
        self.branch3x3dbl_1 = Conv(into, 64)
        self.branch3x3dbl_2 = Conv(64, 96, 3)
        self.branch3x3dbl_3 = Conv(96, 96, 3)
        self.branch_pool = Conv(into, pooled)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(around(x))], 1)


class B(nn.Module):
    """35 × 35 to 17 × 17."""

    def __init__(self, into: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(into, 384, 3, stride=2, pad=False)
        self.branch3x3dbl_1 = Conv(into, 64)
        self.branch3x3dbl_2 = Conv(64, 96, 3)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2, pad=False)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, halved(x)], 1)


class C(nn.Module):
    """17 × 17, with convolutions of one row or one column."""

    def __init__(self, into: int, width: int) -> None:
        super().__init__()
        row, column = (1, 7), (7, 1)
        self.branch1x1 = Conv(into, 192)
        self.branch7x7_1 = Conv(into, width)
        self.branch7x7_2 = Conv(width, width, row)
        self.branch7x7_3 = Conv(width, 192, column)
        self.branch7x7dbl_1 = Conv(into, width)
        self.branch7x7dbl_2 = Conv(width, width, column)
        self.branch7x7dbl_3 = Conv(width, width, row)
        self.branch7x7dbl_4 = Conv(width, width, column)
        self.branch7x7dbl_5 = Conv(width, 192, row)
        self.branch_pool = Conv(into, 192)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(around(x))], 1)


class D(nn.Module):
    """17 × 17 to 8 × 8."""

    def __init__(self, into: int) -> None:
        super().__init__()
        self.branch3x3_1 = Conv(into, 192)
        self.branch3x3_2 = Conv(192, 320, 3, stride=2, pad=False)
        self.branch7x7x3_1 = Conv(into, 192)
        self.branch7x7x3_2 = Conv(192, 192, (1, 7))
        self.branch7x7x3_3 = Conv(192, 192, (7, 1))
        self.branch7x7x3_4 = Conv(192, 192, 3, stride=2, pad=False)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat([three, self.branch7x7x3_4(seven), halved(x)], 1)


class E(nn.Module):
    """8 × 8; ``pool`` tells the last block from the one before."""

    def __init__(self, into: int, pool: Pool) -> None:
        super().__init__()
        row, column = (1, 3), (3, 1)
        self.pool = pool
        self.branch1x1 = Conv(into, 320)
        self.branch3x3_1 = Conv(into, 384)
        self.branch3x3_2a = Conv(384, 384, row)
        self.branch3x3_2b = Conv(384, 384, column)
        self.branch3x3dbl_1 = Conv(into, 448)
        self.branch3x3dbl_2 = Conv(448, 384, 3)
        self.branch3x3dbl_3a = Conv(384, 384, row)
        self.branch3x3dbl_3b = Conv(384, 384, column)
        self.branch_pool = Conv(into, 192)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)]
        return torch.cat([*parts, self.branch_pool(self.pool(x))], 1)


class Inception(nn.Module):
    """Images in [−1, 1], [n, 3, 299, 299] → features [n, 2048]."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2, pad=False)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3, pad=False)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3)
        self.Conv2d_3b_1x1 = Conv(64, 80)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3, pad=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = A(192, 32), A(256, 64), A(288, 64)
        self.Mixed_6a = B(288)
        self.Mixed_6b, self.Mixed_6c = C(768, 128), C(768, 160)
        self.Mixed_6d, self.Mixed_6e = C(768, 160), C(768, 192)
        self.Mixed_7a = D(768)
        self.Mixed_7b, self.Mixed_7c = E(1280, around), E(2048, most)

    def forward(self, x: Tensor) -> Tensor:
        x = halved(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = halved(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))
        x = self.Mixed_7a(self.Mixed_6e(self.Mixed_6d(x)))
        features: Tensor = self.Mixed_7c(self.Mixed_7b(x)).mean((2, 3))
        return features


def prepared(images: np.ndarray) -> Tensor:
    """uint8 [n, h, w, 1 or 3] → [n, 3, 299, 299] in [−1, 1]; grey is put on all channels."""
    x = torch.tensor(images).permute(0, 3, 1, 2).float() / 255
    x = F.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return 2 * x.expand(-1, 3, -1, -1) - 1


def inception(path: Path) -> Extractor:
    """Features by the weights in a file of torch (.pth) or a .safetensors file; no pickle is run.

    Raises InputError where it holds no such network.
    """
    digest = file_digest(path)
    network = Inception()
    try:
        if path.suffix == ".safetensors":
            found = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
        # classifiers come with the file and give no features
        wanted = {k: v for k, v in found.items() if not k.startswith(("fc.", "AuxLogits."))}
        network.load_state_dict(wanted)
    except Exception as error:  # whatever stands in a file that is none of ours
        raise InputError(
            f"{path}: not the weights of FID's Inception network ({type(error).__name__})"
        ) from error
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()

    @torch.no_grad()
    def features(images: np.ndarray) -> np.ndarray:
        parts = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
        return torch.cat([network(prepared(p).to(device)).cpu() for p in parts]).numpy()

    return Extractor(
        f"Inception features by {path.name}, SHA-256 {digest[:8]}…",
        features,
        "fid" if digest.startswith(PUBLISHED) else "frechet",
    )
