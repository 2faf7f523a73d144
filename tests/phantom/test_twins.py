"""A twin has the film, the readings and the bones of its original, and of its own all that neither tells."""

from dataclasses import fields, replace

import numpy as np
import pytest

from xrmri.phantom.anatomy import Knee, draw_participant
from xrmri.phantom.film import render_film
from xrmri.phantom.flash import render_flash, scan_pose
from xrmri.phantom.pose import Grid
from xrmri.phantom.projection import Stance, cast, flesh
from xrmri.phantom.shape import Shape
from xrmri.phantom.tables import clinical_table, enrollees_table, readings_table

OWN = {"effusion_mm", "texture_seed"}
"""What neither the film nor a reading tells of a shape; a twin draws it anew."""
PAIRS = [(draw_participant(6, index), draw_participant(6, index, twin=2)) for index in range(40)]
STANCE = Stance(flexion_degrees=25.0, tibia_lean_degrees=6.0, rotation_degrees=3.0, roll_degrees=2.0)
AXIS = np.arange(61.25, -62.0, -2.5, dtype=np.float32)
GRID = Grid(x=AXIS, y=np.arange(-56, 56, 4, dtype=np.float32), z=AXIS)


def shadow(knee: Knee) -> np.ndarray:
    """All that a film can show of one knee."""
    return np.stack([cast(knee, STANCE, GRID, 1).bone, flesh(knee, STANCE, GRID)])


@pytest.mark.parametrize("name", [field.name for field in fields(Shape)])
def test_a_twin_keeps_each_field_of_the_shape_that_changes_the_film_and_no_other(name: str) -> None:
    first = PAIRS[0][0]
    changed = replace(first.right.shape, **{name: getattr(PAIRS[1][0].right.shape, name)})
    assert changed != first.right.shape
    shown = not np.array_equal(shadow(replace(first.right, shape=changed)), shadow(first.right))
    assert shown == (name not in OWN)
    for one, other in PAIRS:
        for side in ("right", "left"):
            same = getattr(one.knee(side).shape, name) == getattr(other.knee(side).shape, name)
            assert same == shown


def test_all_else_of_a_person_but_the_number_of_the_twin_is_the_originals() -> None:
    for first, twin in PAIRS:
        for one, other, free in ((first, twin, {"right", "left", "twin"}), (first.left, twin.left, {"shape"})):
            same = {field.name for field in fields(one)} - free
            assert same and all(getattr(one, name) == getattr(other, name) for name in same)
        assert (first.twin, twin.twin) == (0, 2)


def test_film_and_tables_of_a_twin_are_its_originals_bit_by_bit() -> None:
    film, again = (render_film(person) for person in PAIRS[0])
    assert np.array_equal(film.pixels, again.pixels) and film.joint_box == again.joint_box
    firsts, twins = zip(*PAIRS, strict=True)
    for table in (enrollees_table, clinical_table):
        assert table(firsts) == table(twins)
    assert readings_table((one, "0" * 12) for one in firsts) == readings_table((one, "0" * 12) for one in twins)


def test_every_twin_has_a_flash_a_place_and_a_table_of_its_own() -> None:
    three = [draw_participant(6, 0, twin) for twin in range(3)]
    assert len({scan_pose(person, 0) for person in three}) == len({scan_pose(person, 1) for person in three}) == 3
    volumes = [render_flash(person, 128) for person in three]
    assert len({volume.voxels.tobytes() for volume in volumes}) == 3
    assert len({volume.affine_ras.tobytes() for volume in volumes}) == 3
