"""Where knees come from and lie in space, and what documents of earlier versions did not say of it, filled in here."""

from collections.abc import Mapping
from typing import Any

PHANTOM, ACQUIRED_IMAGES = "synthetic phantom", "acquired images"
"""Where knees come from, in words for people: what counts is `is_synthetic`."""
SYNTHETIC_MARK = b"xrmri synthetic phantom"
"""In the comments of every DICOM file of a phantom."""
DRAWN_MARK = b"xrmri synthetic"
"""In the comments of every file that this program draws, a phantom's and a model's."""
FLASH_FIELD_OF_VIEW_MM, FLASH_SLICE_MM = 160.0, 1.5
"""Of OAI's coronal FLASH: what datasets and models of versions that did not write their extent were made of."""


def up_to_date_dataset(content: Mapping[str, Any]) -> dict[str, Any]:
    """What this version reads of a dataset.json of any version."""
    return {**_flash(content), **content, "is_synthetic": _is_synthetic(content, "origin")}


def up_to_date_model(content: Mapping[str, Any]) -> dict[str, Any]:
    """What this version reads of the xrmri.json of a model of any version; the first were the paper's method."""
    denoiser = {"method": "xray2mri", "halves": "paper", "without": [], "hidden_slots": []}
    return {**_flash(content), **denoiser, "radiograph_grid": "crop", **with_origin(content)}


def with_origin(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a document that says what something was trained on."""
    return {**content, "is_synthetic": _is_synthetic(content, "trained_on")}


def _is_synthetic(content: Mapping[str, Any], words: str) -> Any:
    """Whether the knees are drawn: as the field says, and never less than the words do."""
    return content.get(words) == PHANTOM or content.get("is_synthetic", False)


def _flash(content: Mapping[str, Any]) -> dict[str, Any]:
    """Where a document of an earlier version lies in space: OAI's FLASH was all that could be read."""
    slices = content.get("slices")
    between = slices - 1 if isinstance(slices, int) and slices > 1 else 1
    extent_mm = [FLASH_SLICE_MM * between, FLASH_FIELD_OF_VIEW_MM, FLASH_FIELD_OF_VIEW_MM]
    return {"extent_mm": extent_mm, "plane": "coronal", "sequence": "FLASH"}
