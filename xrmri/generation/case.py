"""What is asked for: a radiograph, the side it shows and its grades, as the model takes them."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from xrmri.config import DetectKnee
from xrmri.data.features import FeatureSet, one_hot, parse_settings, read_grades
from xrmri.data.film_files import described
from xrmri.data.radiograph import crop_knee, laid_on_slice, mirrored, network_input, read_radiograph, windowed
from xrmri.data.reference import read_reference
from xrmri.data.store import Dataset
from xrmri.errors import InputError
from xrmri.generation.model import ModelFolder
from xrmri.geometry import Geometry
from xrmri.records import LEFT, RIGHT, SIDES, KneeBox, Radiograph, Volume
from xrmri.run import fingerprint, sha256

CROP_PIXELS_AT_MOST = 700
"""A larger radiograph is a film: joint crops in use have 224 to 512 pixels, films over 1,500."""
CROP_ASPECT_AT_MOST = 1.3

Grades = dict[str, int | None]


PICTURES = (".gif", ".html")
"""Endings of what is drawn when asked for: a pass through the slices, and a page with a three-plane viewer."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReferenceGrid:
    """Another series' voxels, onto which a volume is resampled."""

    reference: Volume
    source: dict[str, str]
    """Where it came from, without a path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerateInputs:
    """What a person says beside the radiographs."""

    features: Path | None = None
    settings: tuple[str, ...] = ()
    side: str | None = None
    model: Path | None = None
    sweep: str | None = None
    """A reading to be drawn at each of its grades."""
    like: Path | None = None
    """A series whose grid the volumes take."""
    pictures: tuple[str, ...] = ()
    """Of PICTURES: what is written beside volume, sidecar and preview."""

    def __post_init__(self) -> None:
        """Refuse a third side."""
        if self.side not in (None, *SIDES):
            raise InputError(f"--side must be left or right, not {self.side!r}")

    def grid(self) -> "ReferenceGrid | None":
        """The grid asked for, if one is."""
        if self.like is None:
            return None
        source = {"file": self.like.name, "sha256": fingerprint(self.like)}
        return ReferenceGrid(reference=read_reference(self.like), source=source)

    def grades(self, features: FeatureSet) -> Grades:
        """The grades in the JSON file, overridden by --set."""
        told = read_grades(self.features, features) if self.features else {}
        return {**told, **parse_settings(self.settings, features)}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Case:
    """One knee to draw."""

    radiograph: np.ndarray
    """(H, W) float32 in [-1, 1], in film orientation."""
    width_mm: float | None
    """Of the radiograph, where its file tells."""
    side: str
    side_is_assumed: bool = False
    """Nobody said which knee it is."""
    grades: Grades
    """Every reading of the model's set; None where it is missing."""
    source: dict[str, Any]
    """Where the radiograph came from, without a path."""
    geometry: Geometry | None = None
    """Where the acquired volume lies, slices as in the dataset; None for a radiograph on its own."""
    grid: ReferenceGrid | None = None
    """What the volume is resampled onto, if it is."""

    @property
    def noise_stream(self) -> int:
        """Which noise of a seed it starts from: a pair's own, 63 bits; 0 for a radiograph on its own."""
        pair_id = self.source.get("pair_id")
        return int.from_bytes(blake2b(pair_id.encode(), digest_size=8).digest(), "big") >> 1 if pair_id else 0

    def network_input(self, model: ModelFolder) -> np.ndarray:
        """The radiograph as the model takes it: (H, W) float32 in [-1, 1], a left knee mirrored to look right."""
        upright = mirrored(self.radiograph) if self.side == LEFT else self.radiograph
        return self._on_slice(upright, model) if model.lays_on_slice else upright

    def _on_slice(self, upright: np.ndarray, model: ModelFolder) -> np.ndarray:
        return laid_on_slice((upright + 1) / 2, self.width_mm, model.facts.extent_mm[2]) * 2 - 1

    def features(self, features: FeatureSet) -> np.ndarray:
        """(F,) uint8 one-hot code of the grades."""
        return one_hot(self.grades, features)


def case_of_radiograph(file: Path, wish: GenerateInputs, grades: Grades, model: ModelFolder) -> Case:
    """The order that a joint crop, or one knee of a film, makes.

    Raises:
        InputError: not a readable radiograph, no knee on it, or no telling which knee is meant.
    """
    radiograph = read_radiograph(file, wish.side)
    crop, width_mm, side = _joint(file, radiograph, wish.side)
    return Case(
        radiograph=network_input(crop, model.image_size),
        width_mm=width_mm,
        side=side or RIGHT,
        side_is_assumed=side is None,
        grades={name: grades.get(name) for name in model.features.names},
        source={"file": file.name, "sha256": sha256(file)},
        grid=wish.grid(),
    )


def case_of_pair(dataset: Dataset, pair_id: str, changed: Grades, model: ModelFolder) -> Case:
    """The order that one pair of a dataset makes; its MRI is never read."""
    side = str(dataset.index.at[pair_id, "side"])
    crop = dataset.radiograph(pair_id)
    grades = {**dataset.grades(pair_id), **changed}
    return Case(
        radiograph=network_input(mirrored(crop) if side == LEFT else crop, model.image_size),
        width_mm=dataset.radiograph_mm(pair_id),
        side=side,
        grades={name: grades.get(name) for name in model.features.names},
        source={"pair_id": pair_id},
        geometry=dataset.geometry(pair_id),
    )


def _joint(file: Path, radiograph: Radiograph, side: str | None) -> tuple[np.ndarray, float | None, str | None]:
    """The windowed joint crop on a radiograph, its width in mm if known, and the side; a crop does not tell it."""
    short, long = sorted(radiograph.pixels.shape)
    if long <= min(CROP_PIXELS_AT_MOST, CROP_ASPECT_AT_MOST * short):
        spacing_mm = radiograph.spacing_mm
        return windowed(radiograph.pixels), spacing_mm[1] * max(radiograph.pixels.shape) if spacing_mm else None, side
    chosen = _on_film(file, radiograph, side)
    detection = DetectKnee()
    crop, spacing_mm = crop_knee(radiograph, chosen.corners, scale=detection.box_scale, pixels=detection.crop_pixels)
    return crop, spacing_mm[1] * crop.shape[1] if spacing_mm else None, side or chosen.side


def _on_film(file: Path, radiograph: Radiograph, side: str | None) -> KneeBox:
    """The knee that is meant on a film, found and told apart as detect-knee does."""
    from xrmri.detector.detect import load_detector
    from xrmri.detector.sides import see_knees

    film = described(file)
    if film.side and side and film.side != side:
        raise InputError(f"{file} is a film of the {film.side} knee, as its description says: --side {side} is wrong")
    alone = None if film.knees == 2 else film.side or side
    seen = see_knees(load_detector(None), radiograph, knees=film.knees, side=alone, min_score=DetectKnee().min_score)
    if not seen.knees:
        raise InputError(f"{file} is a film that cannot be used ({seen.left_out[0].reason}): crop the joint by hand")
    if side is None and len(seen.knees) > 1:
        raise InputError(f"{file} is a film: say --side left or --side right for the knee you mean")
    chosen = next((knee for knee in seen.knees if side in (None, knee.side)), None)
    if chosen is None:
        raise InputError(f"{file} is a film on which the {side} knee was not found: crop the joint by hand")
    return chosen
