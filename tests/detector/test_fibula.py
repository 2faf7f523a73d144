"""The fibula's side is told from the joint crop alone, and its mirror image says the opposite."""

import numpy as np
import pytest
import torch

from xrmri.detector.fibula import SIZE, as_seen, build, surely_left
from xrmri.teaching.fibula_training import fibula_example, learn_fibula
from xrmri.teaching.films import Material
from xrmri.teaching.plates import Plate, PlateJoint, RealJoint


def joint_with_bar(fibula):
    """A joint of grain with a bright bar on one side."""
    pixels = np.random.default_rng(0).random((224, 224)).astype(np.float32) * 0.3
    pixels[120:, (slice(10, 50) if fibula == "left" else slice(174, 214))] += 0.6
    return RealJoint(participant="9000001", fibula=fibula, pixels=pixels)


def material():
    plate = np.full((200, 300), 0.1, dtype=np.float32)
    plate[80:140, 40:100], plate[110:140, 40:55] = 0.5, 0.9
    plates = (Plate(pixels=plate, joints=(PlateJoint(corners=(40, 80, 100, 140), fibula="left"),)),)
    return Material(plates=plates, joints=(joint_with_bar("left"), joint_with_bar("right")))


def test_a_crop_and_its_mirror_image_get_opposite_answers():
    torch.manual_seed(0)
    classifier = build().eval()
    crops = torch.rand(5, 1, SIZE, SIZE)
    with torch.inference_mode():
        assert torch.allclose(surely_left(classifier, crops) + surely_left(classifier, crops.flip(-1)), torch.ones(5))


def test_a_crop_is_seen_over_its_own_percentiles_whatever_its_units():
    crop = np.random.default_rng(0).random((SIZE, SIZE))
    assert np.allclose(as_seen(crop), as_seen(crop * 4000 + 17), atol=1e-5)
    assert as_seen(np.full((SIZE, SIZE), 3)).max() == 0


def test_examples_show_each_side_as_often_and_say_which():
    generator = np.random.default_rng(1)
    examples = [fibula_example(material(), generator) for _ in range(200)]
    assert 70 < sum(left for _, left in examples) < 130
    for crop, _ in examples[:20]:
        assert crop.shape == (SIZE, SIZE) and crop.dtype == np.float32
        assert 0 <= crop.min() <= crop.max() <= 1


def test_a_few_steps_teach_the_side_of_a_bright_bar():
    classifier = learn_fibula(material(), seed=0, steps=30)
    generator = np.random.default_rng(2)
    crops, left = zip(*(fibula_example(material(), generator) for _ in range(100)), strict=True)
    with torch.inference_mode():
        told = surely_left(classifier, torch.from_numpy(np.stack(crops)[:, None])) > 0.5
    assert (told.numpy() == np.array(left)).mean() > 0.75


def test_the_same_seed_teaches_the_same_weights():
    one, other = (learn_fibula(material(), seed=3, steps=2).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["0.weight"], learn_fibula(material(), seed=4, steps=2).state_dict()["0.weight"])


@pytest.mark.parametrize("joints", [True, False])
def test_plates_alone_are_enough_material(joints):
    some = Material(plates=material().plates, joints=material().joints if joints else ())
    assert fibula_example(some, np.random.default_rng(0))[0].std() > 0
