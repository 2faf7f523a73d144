"""A knee is laid onto the template whatever pose it has, and what is no knee of that side is known."""

import numpy as np
import pytest

from xrmri.building.frame import refusal
from xrmri.data.registration import Lattice, Template, coarsened, laid_onto, register

GRID = Lattice(shape=(50, 128, 128), spacing_mm=(1.5, 1.25, 1.25))
WIDE = Lattice(shape=(66, 128, 128), spacing_mm=(1.5, 1.25, 1.25))


def made_knee(lattice, *, degrees=(0.0, 0.0, 0.0), shift_mm=(0.0, 0.0, 0.0), noise=0.02, seed=0) -> np.ndarray:
    """A limb with dark femur, tibia and, on one side only, fibula, turned and shifted; voxels (S, H, W) in [0, 1]."""
    generator = np.random.default_rng(seed)
    places = np.einsum("ij,jshw->ishw", lattice.to_mm[:3, :3], np.indices(lattice.shape).astype(float))
    places += lattice.to_mm[:3, 3][:, None, None, None]
    depth, down, across = np.einsum("ji,jshw->ishw", turned(degrees), places - np.reshape(shift_mm, (3, 1, 1, 1)))
    size = generator.normal(1.0, 0.02)

    axes = (depth, down, across)

    def ellipsoid(middle, radii):
        return sum(((axis - m) / (r * size)) ** 2 for axis, m, r in zip(axes, middle, radii, strict=True)) < 1

    voxels = np.where((np.abs(across) < 55) & (np.abs(depth) < 60), 0.35, 0.0)
    voxels[ellipsoid((2, -32, -18), (26, 30, 17)) | ellipsoid((2, -32, 18), (26, 30, 17))] = 0.08
    voxels[(np.abs(across) < 16) & (np.abs(depth - 4) < 14) & (down < -30)] = 0.08
    voxels[ellipsoid((0, 38, 0), (24, 35, 36))] = 0.1
    voxels[ellipsoid((-16, 46, -38), (7, 30, 7))] = 0.12
    voxels[ellipsoid((38, -30, 3), (8, 20, 20))] = 0.05
    return np.clip(voxels + noise * generator.normal(0, 1, voxels.shape), 0, 1).astype(np.float32)


def turned(degrees) -> np.ndarray:
    """(3, 3) rotation about slices, rows and columns, one after the other."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        one, other = [other for other in range(3) if other != axis]
        step = np.eye(3)
        step[one, one] = step[other, other] = np.cos(angle)
        step[one, other], step[other, one] = -np.sin(angle), np.sin(angle)
        matrix = matrix @ step
    return matrix


@pytest.fixture(scope="module")
def template() -> Template:
    voxels, lattice = coarsened(np.mean([made_knee(GRID, seed=seed) for seed in range(4)], axis=0), GRID)
    assert lattice.shape == (50, 64, 64) and lattice.spacing_mm == pytest.approx((1.5, 2.5, 2.5))
    return Template(voxels=voxels, lattice=lattice)


def test_planted_poses_are_found_with_a_median_error_under_0_7_mm_and_0_8_degrees(template):
    generator = np.random.default_rng(1)
    shifts, turns = [], []
    for seed in range(6):
        degrees, shift_mm = generator.normal(0, (1.6, 2.7, 1.8)), generator.normal(0, (1.5, 2.3, 1.6))
        pose = register(made_knee(WIDE, degrees=degrees, shift_mm=shift_mm, seed=10 + seed), WIDE, template)
        shifts += list(np.abs(pose.matrix[:3, 3] - shift_mm))
        rest = turned(degrees).T @ pose.matrix[:3, :3]
        turns.append(np.degrees(np.arccos(np.clip((np.trace(rest) - 1) / 2, -1, 1))))
        assert refusal(pose, 0.0) is None
    assert np.median(shifts) < 0.7
    assert np.median(turns) < 0.8


def test_a_volume_laid_onto_the_template_is_nearer_to_it_and_the_pose_undoes_itself(template):
    planted = made_knee(WIDE, degrees=(3, -5, 2), shift_mm=(2, -4, 3), noise=0, seed=20)
    still = made_knee(GRID, noise=0, seed=20)
    laid, outside = laid_onto(planted, WIDE, register(planted, WIDE, template), GRID)
    before = np.abs(planted[8:-8] - still).mean()
    assert np.abs(laid - still).mean() < before / 2
    assert laid.shape == (50, 128, 128) and outside < 0.05


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda v: v[..., ::-1], "a knee of the other side"),
        (lambda v: v[:, ::-1], "upside down|no whole upright knee"),
        (lambda v: np.where(np.arange(128)[:, None] < 64, v, 0), "no whole upright knee"),
        (lambda v: np.random.default_rng(0).random(v.shape), "no whole upright knee"),
        (np.zeros_like, "no whole upright knee"),
        (lambda v: np.roll(v, 32, axis=1), "lost|no whole|at the edge"),
    ],
    ids=["mirrored", "upside down", "upper half", "noise", "nothing", "40 mm off"],
)
def test_what_is_no_whole_knee_of_that_side_is_refused_with_its_reason(template, spoil, reason):
    voxels = np.ascontiguousarray(spoil(made_knee(WIDE, seed=30)), np.float32)
    pose = register(voxels, WIDE, template)
    _, outside = laid_onto(voxels, WIDE, pose, GRID)
    assert any(kind in (refusal(pose, outside) or "") for kind in reason.split("|"))
