from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from xrmri.errors import InputError
from xrmri.teaching.accidents import fleshed
from xrmri.teaching.bodies import BODIES
from xrmri.teaching.films import Material, Recipe, draw_film, network_example
from xrmri.teaching.patches import without_joint
from xrmri.teaching.plates import Plate, PlateJoint, RealJoint, read_joints

NOTHING = Recipe(kneeless=0, one_knee=0, close_up=0, bare=0, real=0, mirrored=0, cut=0, metal=0, inverted=0)
BOXES = ((80.0, 150.0, 170.0, 240.0), (330.0, 155.0, 420.0, 245.0))


def plate():
    """Two bright discs in two legs, each the size of its joint box."""
    pixels = np.full((400, 500), 0.02, dtype=np.float32)
    rows, columns = np.mgrid[:400, :500]
    for x0, y0, x1, y1 in BOXES:
        pixels[:, int(x0) : int(x1)] = 0.2
        inside = (columns + 0.5 - (x0 + x1) / 2) ** 2 + (rows + 0.5 - (y0 + y1) / 2) ** 2 < ((x1 - x0) / 2) ** 2
        pixels[inside] = 0.7
    joints = tuple(PlateJoint(corners=box, fibula=side) for box, side in zip(BOXES, ("left", "right"), strict=True))
    return Plate(pixels=pixels, joints=joints)


def material(joints=()):
    return Material(plates=(plate(),), joints=tuple(joints))


def draw(recipe, index=0, joints=()):
    return draw_film(material(joints), recipe, seed=3, index=index)


def test_the_same_number_draws_the_same_film_and_the_next_another():
    one, again, other = draw(Recipe(), 5), draw(Recipe(), 5), draw(Recipe(), 6)
    assert np.array_equal(one.pixels, again.pixels)
    assert np.array_equal(one.boxes, again.boxes)
    assert one.pixels.shape != other.pixels.shape


def test_boxes_follow_the_knees_wherever_the_film_is_moved():
    for index in range(12):
        film = draw(NOTHING, index)
        assert film.fibulas == ("left", "right")
        for x0, y0, x1, y1 in film.boxes:
            middle = film.pixels[int((y0 + y1) / 2) - 15 :, int((x0 + x1) / 2) - 15 :][:30, :30]
            beside = film.pixels[:, int(x1) + 12 :][int(y0) : int(y1), :10]
            if beside.size:
                assert np.median(middle) > np.median(beside)


def test_a_mirrored_film_swaps_places_and_fibulas_together():
    film = draw(replace(NOTHING, mirrored=1.0))
    assert film.fibulas == ("right", "left")
    assert film.boxes[0, 0] > film.boxes[1, 0]


def test_a_film_of_one_knee_has_one_box_and_one_without_a_knee_has_none():
    for index in range(6):
        assert draw(replace(NOTHING, one_knee=1.0), index).boxes.shape == (1, 4)
        assert draw(replace(NOTHING, close_up=1.0), index).boxes.shape == (1, 4)
        assert draw(replace(NOTHING, kneeless=1.0), index).boxes.shape == (0, 4)


def test_a_network_example_holds_shares_of_the_square():
    image, boxes = network_example(draw(NOTHING), 128)
    assert (image.shape, image.dtype) == ((128, 128), np.float32)
    assert boxes.shape == (2, 4)
    assert boxes.dtype == np.float32
    assert 0.1 < boxes[0, 2] < 0.3


def test_films_stay_between_0_and_1():
    for index in range(25):
        pixels = draw(Recipe(), index).pixels
        assert pixels.dtype == np.float32
        assert np.isfinite(pixels).all()
        assert -1e-5 <= pixels.min() <= pixels.max() <= 1 + 1e-5


@pytest.mark.parametrize("body", BODIES)
def test_other_body_parts_are_pictures(body):
    pixels = body(np.random.default_rng(0))
    assert pixels.dtype == np.float32
    assert pixels.max() == 1.0
    assert pixels.std() > 0.05


def test_a_real_joint_fills_1_3_times_its_box_and_is_turned_to_the_side_of_the_plate(tmp_path):
    crop = np.zeros((224, 224), dtype=np.uint8)
    crop[:, :112] = 255  # bright towards image left
    for name in ("9000001R.png", "notes.png"):
        Image.fromarray(crop).save(tmp_path / name)
    joints = read_joints(tmp_path)
    assert [(joint.participant, joint.fibula) for joint in joints] == [("9000001", "left")]
    film = draw(replace(NOTHING, real=1.0), 1, joints)
    for (x0, y0, x1, y1), toward in zip(film.boxes, (-1, 1), strict=True):
        x, y, reach = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 4
        bright = film.pixels[int(y) - 5 : int(y) + 5, int(x + toward * reach)].mean()
        dark = film.pixels[int(y) - 5 : int(y) + 5, int(x - toward * reach)].mean()
        assert bright > dark


def real_joint(fibula="left"):
    pixels = np.random.default_rng(0).random((224, 224)).astype(np.float32) * 0.2
    pixels[60:180, 40:190] += 0.6
    return RealJoint(participant="9000001", fibula=fibula, pixels=pixels)


def test_a_real_joint_alone_is_a_film_whose_box_is_the_crop_shrunk_as_crops_are_grown():
    for index in range(6):
        film = draw(replace(NOTHING, bare=1.0), index, [real_joint()])
        ((x0, y0, x1, y1),) = film.boxes
        assert film.fibulas == ("left",)
        assert x1 - x0 == pytest.approx(y1 - y0)
        assert 0.55 < 1.3 * (x1 - x0) / max(film.pixels.shape) < 1.35


def test_an_edge_cuts_off_at_most_a_fifth_of_a_joint_box():
    cut = 0
    for index in range(40):
        film = draw(replace(NOTHING, cut=1.0), index)
        height, width = film.pixels.shape
        for box in film.boxes:
            beyond = max(-box[0], -box[1], box[2] - width, box[3] - height) / (box[2] - box[0])
            assert beyond < 0.21
            cut += beyond > 0.02
    assert cut > 5


def test_a_joint_stays_to_be_seen_however_the_film_is_exposed():
    seen = 0
    for index in range(40):
        film = draw(NOTHING, index)
        for x0, y0, x1, y1 in film.boxes:
            part = film.pixels[max(int(y0), 0) : int(y1), max(int(x0), 0) : int(x1)]
            seen += part.std() > 0.03
    assert seen >= 78


def test_no_film_is_larger_than_the_network_needs():
    assert all(max(draw(Recipe(), index).pixels.shape) <= 385 for index in range(12))


def test_stouter_legs_are_brighter_about_the_bones_and_thinner_ones_darker():
    boxes, pixels = np.array(BOXES), plate().pixels
    changes = {np.sign((fleshed(pixels, np.random.default_rng(n), boxes) - pixels)[20, 125]) for n in range(12)}
    assert changes == {-1, 1}
    for number in range(12):
        changed = fleshed(pixels, np.random.default_rng(number), boxes)
        assert 0 <= changed.min() <= changed.max() <= 1


def test_real_bone_without_its_joint_line_is_above_or_below_it_or_out_of_order():
    joint = RealJoint(participant="1", fibula="left", pixels=np.arange(224.0)[:, None] + np.zeros((1, 224)))
    kinds = set()
    for number in range(20):
        part = without_joint(joint, np.random.default_rng(number))
        if part.shape == (224, 224):
            kinds.add("shuffled")
            assert sorted(part[:, 0]) != list(part[:, 0]) or sorted(part[:, 60]) != list(part[:, 60])
        else:
            kinds.add("above" if part.max() < 0.585 * 224 else "below")
            assert part.max() < 0.5 * 224 or part.min() > 0.65 * 224
    assert kinds == {"above", "below", "shuffled"}


def test_a_folder_without_real_joints_is_refused(tmp_path):
    with pytest.raises(InputError, match="9000001R.png"):
        read_joints(tmp_path)
