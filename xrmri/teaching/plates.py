"""What training films are made of: phantom radiographs and real joints, at 0.8 mm a pixel.

Arrays are (H, W) float32 in [0, 1], bone bright. A joint box is a square that, enlarged 1.3 times about its centre,
frames the joint as published crops do: the bones take 0.89 of the crop's width (steepest edges of the mean of 422 crops
of Chen 2018) and the joint space lies at 0.585 of its height (median of all 422: the darkest row).
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from xrmri.errors import InputError
from xrmri.records import LEFT, RIGHT
from xrmri.storage.files import complete_or_absent

PLATE_MM = 0.8

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlateJoint:
    """One knee on a plate."""

    corners: Corners
    """x0, y0, x1, y1 of the joint box in plate pixels."""
    fibula: str
    """The side of the picture on which the fibula lies: "left" for a right knee on an ordinary film."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Plate:
    """A film without the accidents of exposure: pixels and where the joints are."""

    pixels: np.ndarray
    joints: tuple[PlateJoint, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RealJoint:
    """A real joint crop: the joint box is the crop shrunk 1.3 times about its centre."""

    participant: str
    fibula: str
    pixels: np.ndarray


def render_plates(folder: Path, *, seed: int, count: int, workers: int) -> list[Plate]:
    """Phantom radiographs; those already in the folder are read, not rendered again.

    Args:
        folder: where they are kept, one .npz each.
        seed: of the phantom cohort.
        count: how many participants.
        workers: processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{seed}-{index:05d}.npz" for index in range(count)]
    missing = [index for index, file in enumerate(files) if not file.is_file()]
    if missing:
        with ProcessPoolExecutor(max_workers=workers) as pool:
            list(pool.map(partial(_render, folder, seed), missing))
    return [_read(file) for file in files]


def _render(folder: Path, seed: int, index: int) -> None:
    """Take the radiograph of one phantom participant and keep it."""
    from xrmri.phantom.anatomy import draw_participant
    from xrmri.phantom.film import render_film

    film = render_film(draw_participant(seed, index))
    scale = film.spacing_mm / PLATE_MM
    height, width = (round(n * scale) for n in film.pixels.shape)
    small = Image.fromarray(film.pixels.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    boxes = np.array([film.joint_box[side] for side in (RIGHT, LEFT)]) * scale
    with complete_or_absent(folder / f"{seed}-{index:05d}.npz") as partial_file:
        np.savez_compressed(partial_file, pixels=np.rint(np.asarray(small) * 16).astype(np.uint16), boxes=boxes)


def _read(file: Path) -> Plate:
    """A plate that was kept."""
    with np.load(file) as kept:
        pixels, boxes = kept["pixels"].astype(np.float32) / np.float32(65520), kept["boxes"]
    # On an ordinary film the knee at image left is a right one, whose fibula points to image left.
    joints = (
        PlateJoint(corners=tuple(box.tolist()), fibula=fibula) for fibula, box in zip((LEFT, RIGHT), boxes, strict=True)
    )
    return Plate(pixels=pixels, joints=tuple(joints))


def read_joints(folder: Path) -> list[RealJoint]:
    """Real joint crops named as Chen 2018 names them, 9000001R.png: participant and side, film orientation."""
    files = sorted(folder.glob("*.png"))
    named = [file for file in files if file.stem[:-1].isdigit() and file.stem[-1] in "RL"]
    if not named:
        raise InputError(f"--joints {folder} holds no crops named like 9000001R.png")
    return [
        RealJoint(
            participant=file.stem[:-1],
            fibula=LEFT if file.stem[-1] == "R" else RIGHT,
            pixels=np.asarray(Image.open(file).convert("L"), dtype=np.float32) / np.float32(255),
        )
        for file in named
    ]
