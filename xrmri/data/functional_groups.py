"""Enhanced DICOM of one image: what stands in its functional groups, as if it stood at the top as in classic files.

Pixel size, place, slopes and tables lie there in sequences of sequences (PS3.3, C.7.6.16), one set for all images and
one for each.
"""

from collections.abc import Iterator, Sequence

from pydicom import Dataset
from pydicom.dataelem import DataElement

GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
"""The image's own come first."""


def lift_groups(dataset: Dataset, wanted: Sequence[str]) -> None:
    """Put what the groups of the first image say where classic files say it, and take the groups away.

    Args:
        dataset: changed in place; what it says at the top stays.
        wanted: keywords of what may be put there.
    """
    for name in GROUPS:
        for element in list(_of_first(dataset, name)):
            if element.keyword in wanted and element.keyword not in dataset:
                dataset.add(element)
        dataset.pop(name, None)


def _of_first(dataset: Dataset, name: str) -> Iterator[DataElement]:
    """Every element of the macros of the first image."""
    for groups in (dataset.get(name) or [])[:1]:
        for macro in groups:
            if macro.VR == "SQ":
                yield from (element for item in macro.value[:1] for element in item)
