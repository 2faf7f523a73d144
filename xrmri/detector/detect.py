"""Where on a film are the knees.

Corners are x0, y0, x1, y1 in film pixels; S is the rows and columns of the network's input.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from xrmri.data.radiograph import crop_knee
from xrmri.detector import network as yolo
from xrmri.detector.architecture import ARCHITECTURE, read_architecture
from xrmri.detector.fibula import CROP_SCALE, SIZE, as_seen, surely_left
from xrmri.detector.fibula import build as fibula_classifier
from xrmri.detector.letterbox import letterbox
from xrmri.errors import InconsistentError, InputError, said
from xrmri.machine.device import find_device
from xrmri.pretrained import BUNDLED_DETECTOR
from xrmri.records import KneeBox, Radiograph
from xrmri.storage.files import sha256

WEIGHTS, FIBULA = "detector.safetensors", "fibula.safetensors"
FAINTEST = 0.001
"""Boxes that score less are not looked at."""
_LARGEST_OVERLAP = 0.25
_MOST = 4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detector:
    """A network and how to show it a film."""

    network: nn.Module
    """Finds joints."""
    fibula: nn.Module
    """Tells on which side of a joint the fibula lies."""
    size: int
    """Rows and columns of its input."""
    channels: int
    device: str

    def __repr__(self) -> str:
        """Input size and parameters, as a person would say them."""
        parameters = yolo.count_parameters(self.network)
        return f"Detector({self.size} x {self.size} pixels, {parameters:,} parameters)"


def load_detector(weights: Path | None = None, device: str = "cpu", *, trust: bool = False) -> Detector:
    """A detector, ready to look at films.

    Args:
        weights: folder that a training wrote; or a .pt file of ultralytics, used with the fibula's classifier of the
            bundled detector; None: the one bundled.
        device: cpu, cuda or cuda:N; auto is cpu, since a film takes longer to read than to look at.
        trust: unpickle a .pt file, which runs code of its author.

    Raises:
        InputError: not there, damaged, a .pt file without trust, or a device that this machine lacks.
        InconsistentError: the weights are not those that architecture.json tells of.
    """
    device = str(find_device("cpu" if device == "auto" else device))
    if weights is not None and weights.suffix == ".pt":
        network, size = _load_pt(weights, trust=trust)
        _, fibula, _ = _load_folder(BUNDLED_DETECTOR)
    else:
        network, fibula, size = _load_folder(weights or BUNDLED_DETECTOR)
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    network, fibula = (module.to(device).eval().requires_grad_(False) for module in (network, fibula))
    return Detector(network=network, fibula=fibula, size=size, channels=first.in_channels, device=device)


def _load_folder(folder: Path) -> tuple[nn.Module, nn.Module, int]:
    """Network, fibula's classifier and input size from a folder, without unpickling."""
    if not all((folder / name).is_file() for name in (WEIGHTS, FIBULA, ARCHITECTURE)):
        raise InputError(f"{folder} holds no detector: it needs {WEIGHTS}, {FIBULA} and {ARCHITECTURE}")
    description, facts = read_architecture(folder)
    changed = next((name for name in (WEIGHTS, FIBULA) if sha256(folder / name) != facts.sha256.get(name)), None)
    if changed:
        raise InconsistentError(f"{folder / changed} is not what {ARCHITECTURE} tells of: copy the folder again")
    try:
        network = yolo.build(description)
        fibula = fibula_classifier()
        for module, file in ((network, WEIGHTS), (fibula, FIBULA)):
            state = {name: value.float() for name, value in load_file(folder / file).items()}
            odd = next((name for name, value in state.items() if not torch.isfinite(value).all()), None)
            if odd:
                raise ValueError(f"{odd} holds numbers that are not finite")
            module.load_state_dict(state)
        return network, fibula, facts.size
    except (OSError, ValueError, KeyError, TypeError, IndexError, RuntimeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0][:120]
        raise InputError(f"the detector in {folder} is damaged ({reason}): train or copy it again") from error


def _load_pt(file: Path, *, trust: bool) -> tuple[nn.Module, int]:
    """Network and input size from a file of ultralytics."""
    if not trust:
        raise InputError(f"{file} is a pickle, which can run code: give --trust-weights if you trust its author")
    try:
        network: Any = yolo.unpickle_trusted(file)
        size = int(network.args["imgsz"])
    except (OSError, UnpicklingError, EOFError, LookupError, AttributeError, TypeError, ValueError, RuntimeError,
            ImportError, ArithmeticError, AssertionError, struct.error) as error:  # fmt: skip
        raise InputError(f"{file} is not a detection model of ultralytics ({said(error)})") from error
    if not (64 <= size <= 2048 and size % 32 == 0):
        raise InputError(f"{file} takes films of {size} pixels: train it with imgsz a multiple of 32, 64 to 2048")
    return network, size


def find_knees(detector: Detector, film: Radiograph, *, min_score: float) -> list[KneeBox]:
    """What looks like a knee on a film, from image left to right; xrmri.detector.sides tells which is which.

    Args:
        detector: from load_detector.
        film: any size, bone bright.
        min_score: boxes below are not knees, in (0, 1).

    Returns:
        the best boxes that hardly overlap, four at most, each with the side "".
    """
    height, width = film.pixel_size
    box = letterbox(film.pixels, detector.size, aspect=height / width)
    image = torch.from_numpy(box.image).expand(1, detector.channels, -1, -1).to(detector.device)
    with torch.inference_mode():
        corners, scores = (value.cpu().numpy() for value in yolo.predict_evenly(detector.network, image))
    kept = _best_apart(corners, scores, min_score=min_score)
    kept.sort(key=lambda index: corners[index, 0] + corners[index, 2])
    found = []
    for index in kept:
        x0, y0, x1, y1 = (float(value) for value in box.back(corners[index]))
        found.append(KneeBox(side="", score=float(scores[index]), corners=(x0, y0, x1, y1)))
    return found


def with_fibula(detector: Detector, film: Radiograph, boxes: Sequence[KneeBox]) -> list[KneeBox]:
    """The boxes, each with how surely its fibula lies at image left."""
    if not boxes:
        return []
    crops = [crop_knee(film, box.corners, scale=CROP_SCALE, pixels=SIZE)[0] for box in boxes]
    seen = torch.from_numpy(np.stack([as_seen(crop) for crop in crops])[:, None]).to(detector.device)
    with torch.inference_mode():
        surely = surely_left(detector.fibula, seen).cpu()
    return [replace(box, fibula_left=float(value)) for box, value in zip(boxes, surely, strict=True)]


def _best_apart(corners: np.ndarray, scores: np.ndarray, *, min_score: float) -> list[int]:
    """The best box, and the next best that hardly overlap those before.

    Args:
        corners: (A, 4).
        scores: (A,).
        min_score: smallest score that counts.

    Returns:
        indices, best first, four at most.
    """
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if scores[index] < min_score or len(kept) == _MOST:
            break
        if all(_overlap(corners[index], corners[other]) < _LARGEST_OVERLAP for other in kept):
            kept.append(int(index))
    return kept


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Common area as a share of the smaller box."""
    extent = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    smaller = min(np.prod(one[2:] - one[:2]), np.prod(other[2:] - other[:2]))
    return float(np.prod(np.maximum(extent, 0)) / max(smaller, 1e-9))
