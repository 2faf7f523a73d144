"""A drawn knee laid onto a template where there is no SimpleITK: on a lent GPU's machine, for one.

The pose is the one that `data.registration` goes down to: where volume and template correlate most. Drawn knees lie
near enough for the steps of efficient second-order minimisation (Malis, 2004), which take half its time.
"""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from xrmri.data.resample import resized
from xrmri.geometry import Geometry
from xrmri.records import Volume

_ROUNDS = ((2.0, (2, 2, 2)), (0.7, (1, 2, 2)))
"""Smoothing in voxels of the template, and every how many-th of them is compared: from afar, then near."""
_STEPS = 12
_SMALL_MM, _REACH_MM = 0.01, 50.0
"""A step that moves what lies so far from the middle by less ends a round."""


def laid(volume: Volume, template: np.ndarray) -> Volume:
    """A volume in the frame of a template with the same extent, whose middle is that of the volume.

    Args:
        volume: (S + 2 margin, H, W) uint16 looking like a right knee.
        template: (S, h, w) float32.

    Returns:
        (S, H, W) uint16, its geometry the frame's.
    """
    mm, (_, rows, columns) = np.array(volume.geometry.spacing_mm), volume.voxels.shape
    slices, coarse_rows, coarse_columns = template.shape
    coarse_mm = mm * (1, rows / coarse_rows, columns / coarse_columns)
    coarse = resized(volume.voxels.astype(np.float32), coarse_columns)
    pose, shape = pose_onto(coarse, coarse_mm, template, coarse_mm), (slices, rows, columns)
    voxels = _sampled(volume.voxels.astype(np.float32), mm, pose @ _places(shape, mm)).reshape(shape)
    geometry = Geometry.centred("coronal", shape, volume.geometry.spacing_mm)
    return Volume(voxels=np.rint(voxels).astype(np.uint16), geometry=geometry, side=volume.side)


def pose_onto(moving: np.ndarray, moving_mm: np.ndarray, template: np.ndarray, template_mm: np.ndarray) -> np.ndarray:
    """The rigid pose in which a volume and a template correlate most: (4, 4), mm from one middle to mm from the other.

    A correlation is highest where the squares between both, each less its mean and of unit length, are least. A step
    solves that for a small turn and shift, along the mean of both slopes, where the volume reaches.
    """
    pose, reach_mm = np.eye(4), (np.array(moving.shape)[:, None] - 1) / 2 * moving_mm[:, None]
    for smooth, every in _ROUNDS:
        wanted, blurred = (gaussian_filter(one, smooth) for one in (template, moving))
        chosen = tuple(slice(step // 2, None, step) for step in every)
        places = _places(template.shape, template_mm).reshape(4, *template.shape)[:, *chosen].reshape(4, -1)
        values = wanted[chosen].ravel()
        own_slopes = np.stack([part[chosen].ravel() for part in np.gradient(wanted, *template_mm)])
        slopes = np.gradient(blurred, *moving_mm)
        for _ in range(_STEPS):
            inside = (np.abs((pose @ places)[:3]) <= reach_mm).all(axis=0)
            there, here = places[:3, inside], pose @ places[:, inside]
            aim, aim_length = _unit(values[inside])
            found, length = _unit(_sampled(blurred, moving_mm, here))
            its_slope = pose[:3, :3].T @ np.stack([_sampled(part, moving_mm, here) for part in slopes]) / length
            slope = (own_slopes[:, inside] / aim_length + its_slope) / 2
            moves = np.concatenate([np.cross(there.T, slope.T).T, slope])
            moves -= moves.mean(axis=1, keepdims=True)
            step = np.linalg.solve(moves @ moves.T, moves @ (aim - found))
            small = np.eye(4)
            small[:3, :3], small[:3, 3] = Rotation.from_rotvec(step[:3]).as_matrix(), step[3:]
            pose = pose @ small
            if _REACH_MM * np.linalg.norm(step[:3]) + np.linalg.norm(step[3:]) < _SMALL_MM:
                break
    return pose


def _places(shape: tuple[int, ...], spacing_mm: np.ndarray) -> np.ndarray:
    """Each voxel in mm from the middle of its grid, and a 1: (4, N)."""
    axes = [(np.arange(count) - (count - 1) / 2) * step for count, step in zip(shape, spacing_mm, strict=True)]
    return np.stack([*(part.ravel() for part in np.meshgrid(*axes, indexing="ij")), np.ones(np.prod(shape))])


def _sampled(voxels: np.ndarray, spacing_mm: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Straight between voxels at places in mm from the middle, 0 outside."""
    middle = (np.array(voxels.shape) - 1) / 2
    where = places[:3] / spacing_mm[:, None] + middle[:, None]
    found: np.ndarray = map_coordinates(voxels, where, order=1, cval=0.0)
    return found


def _unit(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Values less their mean, of unit length, and the length they had."""
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    return centred / length, length
