"""Enhanced DICOM: what stands in the functional groups of an image, as if it stood at the top as in classic files.

Pixel size, place, slopes and tables lie there in sequences of sequences (PS3.3, C.7.6.16), one set for all images and
one for each.
"""

from collections.abc import Iterator, Sequence

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate, generate_frames

from xrmri.errors import InputError
from xrmri.formats.header_numbers import integer

GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
"""An image's own come first."""
_MOST_IMAGES = 4096
"""In one file (choice: a scan of a knee has some hundreds)."""
_SIZES = ("Rows", "Columns", "BitsAllocated")


def lifted(dataset: Dataset, wanted: Sequence[str], number: int = 0) -> Dataset:
    """A dataset that says at its top what the groups of one of its images say, and has no groups.

    Args:
        dataset: what it says at the top stays.
        wanted: keywords of what may be put there.
        number: of the image, from 0.
    """
    classic = Dataset()
    classic.update(dataset)
    if hasattr(dataset, "file_meta"):
        classic.file_meta = dataset.file_meta
    classic.set_original_encoding(*dataset.original_encoding)
    for name, place in zip(GROUPS, (number, 0), strict=True):
        for element in _macros(dataset, name, place):
            if element.keyword in wanted and element.keyword not in classic:
                classic.add(element)
        classic.pop(name, None)
    return classic


def single_images(dataset: Dataset, wanted: Sequence[str]) -> Iterator[Dataset]:
    """Each image of a file as a file of one.

    Args:
        dataset: of any number of images.
        wanted: keywords of what its groups may say of each.

    Raises:
        InputError: there are more images than any series has, or fewer pixels.
    """
    count = integer(dataset, "NumberOfFrames")
    if count < 2:
        yield lifted(dataset, wanted)
        return
    if count > _MOST_IMAGES:
        raise InputError(f"it says that it holds {count} images: no series has more than {_MOST_IMAGES}")
    for number, pixels in enumerate(_pixels_of_each(dataset, count)):
        image = lifted(dataset, wanted, number)
        image.add_new("NumberOfFrames", "IS", 1)  # in elements of its own: the file's are shared
        image.add_new("PixelData", "OW", pixels)
        yield image


def _pixels_of_each(dataset: Dataset, count: int) -> Iterator[bytes]:
    """PixelData of each of so many images."""
    data, meta = dataset.get("PixelData") or b"", getattr(dataset, "file_meta", None)
    syntax = meta.get("TransferSyntaxUID") if meta else None
    if syntax and syntax.is_compressed:
        yield from (encapsulate([frame]) for frame in generate_frames(data, number_of_frames=count))
        return
    size, (rows, columns, bits) = len(data) // count, (integer(dataset, tag) for tag in _SIZES)
    if not 0 < rows * columns * bits <= 8 * size:
        raise InputError(f"it holds {len(data)} bytes where {count} images of {rows} x {columns} pixels need more")
    yield from (data[place * size : (place + 1) * size] for place in range(count))


def _macros(dataset: Dataset, name: str, place: int) -> Iterator[DataElement]:
    """Every element of the macros of one group."""
    for group in (dataset.get(name) or [])[place : place + 1]:
        for macro in group:
            if macro.VR == "SQ":
                yield from (element for item in macro.value[:1] for element in item)
