"""The knees folder: joint crops cut from films, what they were cut from, and the films without a knee.

knees.h5 holds one row a knee; knees.csv says the same in words; rejected.csv names what was left out, why, and how it
scored.
Crops keep the film's orientation: a left knee is not mirrored here.
"""

import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from PIL import Image

from xrmri.errors import InconsistentError, InputError
from xrmri.formats.chunks import FILTERS
from xrmri.formats.hdf5 import TEXT, File, new_h5, open_h5, read, unreadable, written
from xrmri.records import KneeBox
from xrmri.runs.record import read_record
from xrmri.runs.seals import require_sha256
from xrmri.storage.files import complete_or_absent
from xrmri.storage.tables import Digits, new_table, read_table
from xrmri.storage.typed import Between, UnfitError

_Pixels = Annotated[float, Between(-100_000, 100_000), Digits(2)]
_SHA256 = re.compile("[0-9a-f]{64}")
_AGAIN = "run `xrmri detect-knee` again with --force"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DetectedKnee:
    """One knee cut from a film."""

    name: str
    """Of its picture, without extension; unlike every other in the folder."""
    source: str
    """The film, as the user would find it."""
    source_sha256: str
    box: KneeBox
    crop: np.ndarray
    """(299, 299) uint16, windowed, film orientation."""
    spacing_mm: tuple[float, float] | None
    """Of the crop, along rows and columns; None where the film does not tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Row:
    """A line of knees.csv."""

    row: Annotated[int, Between(0)]
    name: str
    source: str
    source_sha256: str
    side: Literal["left", "right"]
    score: Annotated[float, Between(0, 1), Digits(4)]
    x0: _Pixels
    y0: _Pixels
    x1: _Pixels
    y1: _Pixels
    spacing_mm: Annotated[float, Between(0.001, 100), Digits(5)] | None
    """Of the crop, whose pixels are square."""
    fibula_left: Annotated[float, Between(0, 1), Digits(3)]

    def __post_init__(self) -> None:
        """Refuse a hash that is none: by it films are told apart, and who is held out."""
        if not _SHA256.fullmatch(self.source_sha256):
            raise UnfitError(f"source_sha256 {self.source_sha256[:80]!r} is no hash")


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedFilm:
    """A line of rejected.csv: a film, or one knee of it, that was left out."""

    source: str
    reason: str
    score: Annotated[float, Digits(4)] | None
    """Of the best box that was left out; None where nobody looked for one."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Knees:
    """A knees folder, read."""

    folder: Path
    table: pd.DataFrame
    """knees.csv."""

    def find(self, source_sha256: str, side: str) -> DetectedKnee | None:
        """The knee of one side on the film with this hash; the best scored where there are several."""
        found = self.table[(self.table["source_sha256"] == source_sha256) & (self.table["side"] == side)]
        return self.read(int(found.sort_values("score")["row"].iloc[-1])) if len(found) else None

    def read(self, row: int) -> DetectedKnee:
        """One knee by its row."""
        line = self.table.iloc[row]
        try:
            with open_h5(self.folder / "knees.h5", _AGAIN) as content:
                crop, box, spacing = (read(content[name], row) for name in ("crop", "box", "spacing_mm"))
                texts = (bytes(read(content[name], row).item()) for name in ("side", "source_sha256"))
                told = tuple(text.decode("ascii", "replace") for text in texts)
        except (OSError, KeyError, ValueError, IndexError, RuntimeError) as error:
            raise unreadable(str(self.folder / "knees.h5"), error, f"is damaged: {_AGAIN}") from error
        if not _is_knee(crop, box, spacing):
            raise InconsistentError(f"{self.folder / 'knees.h5'}: row {row} cannot be a knee: {_AGAIN}")
        if told != (line["side"], line["source_sha256"]):
            raise InconsistentError(f"{self.folder}: row {row} of knees.csv is not that of knees.h5: {_AGAIN}")
        x0, y0, x1, y1 = (float(corner) for corner in box)
        return DetectedKnee(
            name=line["name"],
            source=line["source"],
            source_sha256=line["source_sha256"],
            box=KneeBox(side=line["side"], score=float(line["score"]), corners=(x0, y0, x1, y1)),
            crop=crop,
            spacing_mm=(float(spacing[0]), float(spacing[1])) if np.isfinite(spacing).all() else None,
        )


def _is_knee(crop: np.ndarray, box: np.ndarray, spacing: np.ndarray) -> bool:
    """Whether a row holds a picture, the four corners of a box, and two spacings that are positive or unknown."""
    kinds = [(one.dtype.kind, one.shape) for one in (box, spacing)]
    if kinds != [("f", (4,)), ("f", (2,))] or crop.dtype != np.uint16 or crop.ndim != 2:
        return False
    return bool(np.isfinite(box).all() and ((spacing > 0) & (spacing < np.inf) | np.isnan(spacing)).all())


def write_knees(folder: Path, knees: Iterable[DetectedKnee | RejectedFilm]) -> tuple[int, int]:
    """Write the folder's files, one knee at a time.

    Args:
        folder: exists.
        knees: knees, and what was left out.

    Returns:
        how many knees, and how many rows of rejected.csv.
    """
    with ExitStack() as stack:
        content = stack.enter_context(new_h5(stack.enter_context(complete_or_absent(folder / "knees.h5"))))
        found = stack.enter_context(new_table(folder / "knees.csv", _Row))
        rejected = stack.enter_context(new_table(folder / "rejected.csv", RejectedFilm))
        counts = [0, 0]
        for knee in knees:
            if isinstance(knee, DetectedKnee):
                _append(content, counts[0], knee)
                found(_row(counts[0], knee))
                _write_picture(folder / f"{knee.name}.png", knee.crop)
                counts[0] += 1
            else:
                rejected(knee)
                counts[1] += 1
    return counts[0], counts[1]


def open_knees(folder: Path) -> Knees:
    """The knees folder that `xrmri detect-knee` wrote; InputError when it is not one."""
    if not all((folder / name).is_file() for name in ("knees.h5", "knees.csv")):
        raise InputError(f"{folder} has no knees.h5 and knees.csv: give a folder that `xrmri detect-knee` has finished")
    record = read_record(folder)
    for name, digest in ((record.outputs if record else None) or {}).items():
        if name in ("knees.h5", "knees.csv"):
            require_sha256(folder / name, digest, _AGAIN)
    rows = read_table(folder / "knees.csv", _Row, advice=_AGAIN, damaged=InputError)
    if [row.row for row in rows] != list(range(len(rows))):
        raise InputError(f"{folder / 'knees.csv'} cannot be used (its rows are not numbered from 0): {_AGAIN}")
    table = pd.DataFrame([asdict(row) for row in rows], columns=[one.name for one in fields(_Row)])
    return Knees(folder=folder, table=table)


def _append(content: File, row: int, knee: DetectedKnee) -> None:
    """Add one knee to knees.h5."""
    values = {
        "crop": (knee.crop, np.uint16),
        "box": (np.array(knee.box.corners), np.float32),
        "score": (knee.box.score, np.float32),
        "side": (knee.box.side, TEXT),
        "spacing_mm": (np.array(knee.spacing_mm or (np.nan, np.nan)), np.float64),
        "source_sha256": (knee.source_sha256, TEXT),
    }
    with written():
        for name, (value, dtype) in values.items():
            shape = np.asarray(value).shape
            if name not in content:
                content.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(1, *shape), **FILTERS)
            content[name].resize(row + 1, axis=0)
            content[name][row] = value


def _row(row: int, knee: DetectedKnee) -> _Row:
    """One knee as a line of knees.csv."""
    x0, y0, x1, y1 = knee.box.corners
    return _Row(
        row=row,
        name=knee.name,
        source=knee.source,
        source_sha256=knee.source_sha256,
        side=knee.box.side,  # type: ignore[arg-type]
        score=knee.box.score,
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        spacing_mm=knee.spacing_mm[0] if knee.spacing_mm else None,
        fibula_left=knee.box.fibula_left,
    )


def _write_picture(file: Path, crop: np.ndarray) -> None:
    """A crop as a 16-bit PNG."""
    with complete_or_absent(file) as partial:
        Image.fromarray(crop).save(partial)
