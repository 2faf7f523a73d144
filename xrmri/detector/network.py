"""The network that looks for knees: a narrow YOLO11, built, taught and loaded; the only home of ultralytics.

ultralytics is AGPL-3.0. Here it builds a network from a description and computes its training loss, nothing else: it
may not go online, install packages, print, or write to the home directory.

Shapes: B films, S rows and columns, A anchors, K classes.
"""

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

# ultralytics replaces these for the whole process when it is imported. Its Image.open tries to install a package on
# every file that is not an image.
_OPEN, _SAVE, _PRINT = Image.open, torch.save, np.get_printoptions()
_SETTINGS = Path(tempfile.mkdtemp(prefix="xrmri-"))
# Read when ultralytics is imported, so they stand before the import. It writes a settings file at once and asks the
# network for news by default.
os.environ |= {
    "YOLO_CONFIG_DIR": str(_SETTINGS),
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
}
try:
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import SETTINGS

    dict.__setitem__(SETTINGS, "sync", False)  # in memory only: the file goes away with the folder
finally:
    shutil.rmtree(_SETTINGS, ignore_errors=True)
    Image.open, torch.save = _OPEN, _SAVE
    np.set_printoptions(**_PRINT)
    torch.set_printoptions(profile="default")

_BFLOAT16 = bool(torch.cpu.get_capabilities().get("avx512_bf16"))  # trains a third faster where there is one (measured)
_GAINS = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)  # ultralytics' defaults
ARCHITECTURE: dict[str, Any] = {
    # YOLO11 with an eighth of its channels and without the finest of its three grids: a knee is a sixth of a film.
    "nc": 1,
    "channels": 1,
    "scale": "n",
    "scales": {"n": [0.5, 0.125, 1024]},
    "backbone": [
        [-1, 1, "Conv", [64, 3, 2]],
        [-1, 1, "Conv", [128, 3, 2]],
        [-1, 2, "C3k2", [256, False, 0.25]],
        [-1, 1, "Conv", [256, 3, 2]],
        [-1, 2, "C3k2", [512, False, 0.25]],
        [-1, 1, "Conv", [512, 3, 2]],
        [-1, 2, "C3k2", [512, True]],
        [-1, 1, "Conv", [1024, 3, 2]],
        [-1, 2, "C3k2", [1024, True]],
        [-1, 1, "SPPF", [1024, 5]],
        [-1, 2, "C2PSA", [1024]],
    ],
    "head": [
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, 6], 1, "Concat", [1]],
        [-1, 2, "C3k2", [512, False]],
        [-1, 1, "Conv", [512, 3, 2]],
        [[-1, 10], 1, "Concat", [1]],
        [-1, 2, "C3k2", [1024, True]],
        [[13, 16], 1, "Detect", ["nc"]],
    ],
}


def build(architecture: dict[str, Any]) -> nn.Module:
    """An untrained network.

    Args:
        architecture: as in an ultralytics model file, "channels" and "nc" included.

    Returns:
        a module: (B, channels, S, S) in [0, 1] -> in evaluation (B, 4 + K, A): centre x, centre y, width, height in
        pixels, and the scores in [0, 1].
    """
    network = DetectionModel(architecture, ch=architecture["channels"], nc=architecture["nc"], verbose=False)
    network.args = _GAINS
    return network


def count_parameters(network: nn.Module) -> int:
    """How many numbers a network holds."""
    return sum(parameter.numel() for parameter in network.parameters())


def training_loss(network: nn.Module, images: Tensor, boxes: Tensor, owners: Tensor) -> Tensor:
    """What the network gets wrong, per film: overlap, score and edges of the boxes.

    Args:
        network: in training mode.
        images: (B, channels, S, S) in [0, 1].
        boxes: (N, 4) centre x, centre y, width, height as shares of S.
        owners: (N,) the film of each box.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=_BFLOAT16):
        said = network(images.contiguous(memory_format=torch.channels_last))
    said = said | {name: said[name].float() for name in ("boxes", "scores")}  # a sixteenth of a cell is too coarse
    batch = {"img": images, "batch_idx": owners, "cls": torch.zeros(len(boxes)), "bboxes": boxes}
    total, _ = cast(Any, network).loss(batch, said)
    return total.sum() / len(images)


def predict(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Every box the network considers.

    Args:
        network: in evaluation mode.
        images: (B, channels, S, S) in [0, 1].

    Returns:
        (B, A, 4) x0, y0, x1, y1 in pixels, and (B, A, K) scores in [0, 1].
    """
    output = network(images)
    output = output[0] if isinstance(output, tuple) else output
    middle, size, scores = output.transpose(1, 2).split((2, 2, output.shape[1] - 4), dim=2)
    return torch.cat((middle - size / 2, middle + size / 2), dim=2), scores


def predict_evenly(network: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """Every box the network considers on a film, averaged with those on its mirror image.

    Of 200 films without a knee 197 stay without a box, with the film alone 193; boxes fit a little closer (measured).

    Args:
        network: in evaluation mode.
        image: (1, channels, S, S) in [0, 1].

    Returns:
        (A, 4) x0, y0, x1, y1 in pixels, and (A,) scores in [0, 1], of several classes the best.
    """
    size = image.shape[-1]
    corners, scores = predict(network, torch.cat((image, image.flip(-1))))
    best = scores.amax(dim=2)
    turned = _reversed_cells(network, size).to(image.device)
    x0, y0, x1, y1 = corners[1, turned].unbind(dim=1)
    back = torch.stack((size - x1, y0, size - x0, y1), dim=1)
    return (corners[0] + back) / 2, (best[0] + best[1, turned]) / 2


def _reversed_cells(network: nn.Module, size: int) -> Tensor:
    """(A,) the cell at the same place once the columns of every grid are reversed."""
    found, first = [], 0
    for stride in cast(Any, network).stride.tolist():
        count = int(size // stride)
        cells = torch.arange(first, first + count * count).reshape(count, count)
        found.append(cells.flip(1).flatten())
        first += count * count
    return torch.cat(found)


def unpickle_trusted(file: Path) -> nn.Module:
    """The network in a .pt file of ultralytics. Unpickling runs code of its author: only after the user's word."""
    saved = torch.load(file, map_location="cpu", weights_only=False)
    network = saved.get("ema") or saved["model"]
    if not isinstance(network, DetectionModel):
        raise TypeError(f"it holds a {type(network).__name__}")
    return network.float()
