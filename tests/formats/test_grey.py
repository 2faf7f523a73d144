"""Padding takes the darkest value that a file can hold, or that its image does where that fills little of its range."""

import numpy as np
import pytest
from pydicom import Dataset

from xrmri.formats.grey import bone_bright

PADDING = 99


def picture(low: int, high: int, *, dtype: str = "i2") -> np.ndarray:
    """(2, 2): the ends of an image, what lies between, and padding."""
    return np.array([[low, high], [(low + high) // 2, PADDING]], dtype)


def tags(*, signed: bool, bits: int = 8, slope: float = 1, photometric: str = "MONOCHROME2") -> Dataset:
    told = Dataset()
    told.PhotometricInterpretation, told.PixelPaddingValue = photometric, PADDING
    told.BitsStored, told.PixelRepresentation = bits, int(signed)
    told.RescaleSlope, told.RescaleIntercept = slope, 0
    return told


@pytest.mark.parametrize(
    ("low", "high", "signed", "darkest"),
    [
        (-64, 64, True, -128),  # just half of its range
        (-63, 64, True, -63),  # one less
        (10, 138, False, 0),
        (10, 137, False, 10),
    ],
)
def test_an_image_that_fills_half_of_the_range_is_padded_with_its_end_and_a_smaller_one_with_its_own(
    low, high, signed, darkest
):
    found = bone_bright(picture(low, high), tags(signed=signed))
    assert found[1, 1] == darkest and found[0].tolist() == [low, high]


def test_where_a_slope_falls_or_low_values_are_bright_the_other_end_is_the_darkest():
    image = picture(10, 20)
    assert bone_bright(image, tags(signed=False, slope=-1))[1, 1] == -20
    assert bone_bright(image, tags(signed=False, photometric="MONOCHROME1"))[1, 1] == 0
    assert bone_bright(image, tags(signed=False, slope=-1, photometric="MONOCHROME1"))[1, 1] == 0


def test_an_image_of_one_value_is_padded_with_it():
    for photometric in ("MONOCHROME2", "MONOCHROME1"):
        found = bone_bright(picture(50, 50), tags(signed=False, photometric=photometric))
        assert (found == found[0, 0]).all()


def test_fractions_have_no_range_and_are_padded_with_their_darkest():
    assert bone_bright(picture(-100, 100, dtype="f4"), tags(signed=True))[1, 1] == -100
