"""What stands at a position of the endless order, and what an image looks like to a network."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.made_dataset import make_dataset
from xrmri.data.slices import (
    Purpose,
    Shuffle,
    index_slices,
    noise_source,
    radiograph_image,
    random_crop,
    random_numbers,
    slice_image,
    training_view,
)
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return open_dataset(make_dataset(tmp_path_factory.mktemp("made") / "dataset"))


@given(st.integers(1, 50), st.integers(0, 2**40), st.integers(0, 5))
def test_every_epoch_shows_every_item_once(count, seed, epoch):
    order = Shuffle(count=count, seed=seed)
    assert sorted(order.at(epoch * count + i) for i in range(count)) == list(range(count))


def test_a_position_means_the_same_in_any_order_of_asking_and_epochs_differ():
    forward, backward = Shuffle(count=20, seed=3), Shuffle(count=20, seed=3)
    there = [forward.at(position) for position in range(60)]
    back = [backward.at(position) for position in reversed(range(60))]
    assert there == back[::-1]
    assert there[:20] != there[20:40] != there[40:]
    assert there != [Shuffle(count=20, seed=4).at(position) for position in range(60)]


def test_two_purposes_or_positions_share_no_numbers():
    drawn = {random_numbers(0, purpose, position).random() for purpose in Purpose for position in range(20)} | {
        torch.rand((), generator=noise_source(0, Purpose.NOISE, position)).item() for position in range(20)
    }
    assert len(drawn) == 20 * len(Purpose) + 20


def test_slices_of_a_split_are_counted_pair_after_pair(dataset):
    train = index_slices(dataset, "train")
    assert len(train) == 6 * 6
    assert train.locate(0) == ("0", 0) and train.locate(35) == ("5", 5)
    assert train.evenly(3) == [0, 18, 35] and train.evenly(1_000) == list(range(36))


def test_an_empty_split_is_told(dataset):
    with pytest.raises(InconsistentError, match="no pair in its nowhere split"):
        index_slices(dataset, "nowhere")


def test_a_slice_is_windowed_to_minus_one_and_one(dataset):
    image = slice_image(dataset, "0", 5)
    stored = dataset.slice("0", 5).astype(float)
    assert image.dtype == torch.float32 and image.shape == (32, 32)
    assert image.numpy() == pytest.approx((stored / 700).clip(0, 1) * 2 - 1, abs=1e-6)


def test_a_radiograph_is_as_stored_and_its_variants_differ_within_range(dataset):
    view = training_view(dataset, "crop")
    plain = radiograph_image(dataset, "0", view)
    assert plain.numpy() == pytest.approx(dataset.radiograph("0") / 32767.5 - 1, abs=1e-6)
    variants = [radiograph_image(dataset, "0", view, variant=number, seed=1) for number in (1, 2, 1)]
    assert torch.equal(variants[0], variants[2]) and not torch.equal(variants[0], variants[1])
    for variant in variants:
        assert variant.dtype == torch.float32 and -1 <= variant.min() and variant.max() <= 1
        assert np.corrcoef(variant.flatten(), plain.flatten())[0, 1] > 0.9


def test_a_radiograph_lies_on_the_slice_with_black_where_the_crop_ends(dataset):
    filled, laid = (radiograph_image(dataset, "0", training_view(dataset, grid)) for grid in ("crop", "slice"))
    assert (laid[0] == -1).all() and (laid[:, -1] == -1).all() and laid[16, 16] > -1
    share = (97 / 160) ** 2  # the width of this crop is not known
    assert float((laid + 1).sum()) == pytest.approx(share * float((filled + 1).sum()), rel=0.05)


def test_a_crop_lies_inside_and_no_crop_is_the_whole_image():
    image = torch.arange(64.0).reshape(8, 8)
    crops = [random_crop(image, 3, random_numbers(0, Purpose.IMAGE, position)) for position in range(300)]
    assert {float(crop[0, 0]) for crop in crops} == {float(8 * row + column) for row in range(6) for column in range(6)}
    assert random_crop(image, 0, random_numbers(0, Purpose.IMAGE, 0)) is image
