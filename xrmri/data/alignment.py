"""Which file holds the volume of which pair, and how that volume lies beside the acquired one.

The acquired volume's frame rules: S slices posterior to anterior, a left knee mirrored to look right. A file says by
its affine where its voxels lie, so no rule about sides or orders is needed here, and a volume elsewhere is found out.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xrmri.errors import InputError
from xrmri.formats.nifti import volume_name
from xrmri.geometry import Geometry
from xrmri.records import Volume
from xrmri.storage.files import sha256

NIFTI = (".nii.gz", ".nii")
OFF_MM = 0.9
"""Corners may lie this far from where they should, in millimetres: about half a slice and one pixel (choice)."""


def files_by_pair(folder: Path, pair_ids: Sequence[str]) -> dict[str, list[Path]]:
    """The NIfTI files of each pair: those named exactly like it, else all whose names contain it.

    Returns:
        only pairs that have a file; in the order of pair_ids. Copies of one file count once.
    """
    files = sorted(file for file in folder.rglob("*") if file.name.endswith(NIFTI) and _is_volume(file))
    exact: dict[str, list[Path]] = {}
    for file in files:
        exact.setdefault(volume_name(file), []).append(file)
    found = {}
    for pair_id in pair_ids:
        # Not inside a longer word, so that pair 12_R is not found in the name of pair 112_R.
        whole = re.compile(rf"(?<![0-9A-Za-z]){re.escape(pair_id)}(?![0-9A-Za-z])")
        holding = exact.get(pair_id) or [file for file in files if whole.search(file.name)]
        if holding:
            found[pair_id] = _unlike(holding)
    return found


def _is_volume(file: Path) -> bool:
    """Whether a file may hold a volume; macOS puts ._NAME with its own notes beside NAME."""
    return file.is_file() and not file.name.startswith("._")


def _unlike(files: list[Path]) -> list[Path]:
    """The first of each group of files that are the same to the last byte."""
    return files if len(files) == 1 else list({sha256(file): file for file in reversed(files)}.values())[::-1]


def laid_beside(volume: Volume, acquired: Geometry) -> np.ndarray:
    """The voxels of a volume in the order of the acquired volume's axes.

    Args:
        volume: as read from a file, its axes in any order and direction.
        acquired: where the acquired volume lies.

    Returns:
        (S', H, W): first and last slice lie where the acquired ones do; S' may differ from S.

    Raises:
        InputError: another size, orientation, spacing or place; one clause without a file name.
    """
    directions, wanted = (one.affine[:3, :3] / one.spacing_mm for one in (volume.geometry, acquired))
    agreement = wanted.T @ directions  # (acquired axis, file axis)
    axes = np.abs(agreement).argmax(axis=1)
    if sorted(axes) != [0, 1, 2]:
        raise InputError("is tilted against the acquired volume: its axes match none of that volume's")
    volume = volume.permuted(axes.tolist())
    for axis in range(3):
        if agreement[axis, axes[axis]] < 0:
            volume = volume.flipped(axis)
    if volume.geometry.shape[1:] != acquired.shape[1:]:
        found, needed = (" x ".join(map(str, one.shape[1:])) for one in (volume.geometry, acquired))
        raise InputError(f"has {found} pixels a slice where the acquired volume has {needed}")
    off_mm = np.linalg.norm(volume.geometry.corners_mm - acquired.corners_mm, axis=1).max()
    if off_mm > OFF_MM:
        raise InputError(f"lies up to {off_mm:.1f} mm from the acquired volume: its affine is not that volume's")
    return volume.voxels


def matching_slices(generated: int, acquired: int) -> tuple[np.ndarray, np.ndarray]:
    """Slices at the same depth in two volumes that begin and end in the same places.

    Every slice of the coarser volume is taken, with the nearest of the finer one: nothing is interpolated, and the two
    lie at most half a spacing of the finer volume apart.

    Returns:
        (n,) indices into the generated volume and (n,) indices into the acquired one.
    """
    count = min(generated, acquired)
    depths = np.linspace(0, 1, count)
    return tuple(np.rint(depths * (slices - 1)).astype(int) for slices in (generated, acquired))  # type: ignore


def unit_range(voxels: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Intensities of a volume as float64 in [0, 1], clipped to the window, whatever dtype comes in."""
    low, high = window
    return np.clip((voxels.astype(np.float64) - low) / (high - low), 0, 1)
