"""Datasets whose tables or shards say what cannot be, each made from a good one.

`record_again` seals a dataset as it is, as a stranger does who knows how: what is then refused, is refused for what it
says.
"""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from xrmri.runs.seals import sealed

Row = dict[str, str]


def _first(**changes: str) -> Callable[[list[Row]], None]:
    return lambda rows: rows[0].update(changes)


def _same_person_in_two_splits(rows: list[Row]) -> None:
    rows[0]["participant"] = next(row["participant"] for row in rows if row["split"] != rows[0]["split"])


TABLES: dict[str, tuple[Callable[[list[Row]], None], str]] = {
    "a side that is none": (_first(side="middle"), "side must be one of left, right"),
    "a split that is none": (_first(split="../x"), "split must be one of train, val, test"),
    "a grade that is none": (_first(kl="99"), "kl must be 0 to 4"),
    "a row before the first": (_first(row="-1"), "row must be 0 to 1e+08"),
    "a row far away": (_first(row="99999999999999999999"), "row must be a whole number"),
    "a row that is a text": (_first(row="x"), "row must be a whole number"),
    "a row taken twice": (_first(row="1"), "two pairs stand in row 1 of"),
    "a row after the last": (_first(row="99"), ", and row 99 of them"),
    "a pair twice": (lambda rows: rows[0].update(pair_id=rows[1]["pair_id"]), "stands in it twice"),
    "a pair that is a path": (_first(pair_id="../../package"), "cannot be the name of a file"),
    "a pair with a NUL": (_first(pair_id="a\0b"), "it holds a NUL, as no text does"),
    "a pair with a line break": (_first(pair_id="a\nb"), "cannot be the name of a file"),
    "a pair of 300 letters": (_first(pair_id="a" * 300), "cannot be the name of a file"),
    "a shard elsewhere": (_first(shard="../secret.h5"), "is no shard of dataset.json"),
    "a person in two splits": (_same_person_in_two_splits, "have the same participant"),
    "a width that is none": (_first(radiograph_mm="nan"), "radiograph_mm must be a number or null"),
    "no column side": (lambda rows: [row.pop("side") for row in rows], "it has no column side"),
}  # fmt: skip
"""Kind -> what it does to index.csv, and what is said of it."""


def _scaled_window(file: h5py.File) -> None:
    file["window"][0] = file["window"][0][::-1]


FAR = np.eye(4) + np.array([[0, 0, 0, 1e300]] * 3 + [[0] * 4])
"""An affine of voxels of 1 mm."""


def _marked(value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file.attrs["synthetic"] = value

    return change


def _values(name: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file[name][0] = value

    return change


def _float_radiographs(file: h5py.File) -> None:
    shape = file["radiograph"].shape
    del file["radiograph"]
    file.create_dataset("radiograph", data=np.full(shape, np.nan), chunks=(1, *shape[1:]))


def _short(file: h5py.File) -> None:
    file["mri"].resize(len(file["mri"]) - 1, axis=0)


SHARDS: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "a window that falls": (_scaled_window, "window of row 0 cannot be"),
    "a window that is no number": (_values("window", (np.nan, 1.0)), "window of row 0 cannot be"),
    "an affine without room": (_values("affine", np.zeros((4, 4))), "affine of row 0 cannot be"),
    "an affine that is no number": (_values("affine", np.full((4, 4), np.inf)), "affine of row 0 cannot be"),
    "voxels of 10^300 mm": (_values("affine", np.diag([1e300, 1e300, 1e300, 1])), "affine of row 0 cannot be"),
    "a place beyond all scanners": (_values("affine", FAR), "affine of row 0 cannot be"),
    "a window beyond all numbers": (_values("window", (-1e308, 1e308)), "window of row 0 cannot be"),
    "a mark that is a text": (_marked("no"), "it does not say whether its knees are synthetic"),
    "a grade that is none": (_values("grades", 99), "grades of row 0 cannot be"),
    "features of another knee": (_values("features", 1), "features of row 0 cannot be"),
    "radiographs that are no numbers": (_float_radiographs, "radiograph is"),
    "a volume too few": (_short, "mri is"),
}
"""Kind -> what it does to the arrays of a shard, and what is said of it."""


def change_table(folder: Path, change: Callable[[list[Row]], None]) -> None:
    """Edit index.csv."""
    with (folder / "index.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    change(rows)
    with (folder / "index.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def change_shard(folder: Path, change: Callable[[h5py.File], None]) -> Path:
    """Rewrite some arrays of a shard, with checksums that are true."""
    (file,) = folder.glob("pairs-*.h5")
    with h5py.File(file, "r+") as content:
        change(content)
    return file


def record_again(folder: Path) -> None:
    """Write the hashes of the files as they are into dataset.json, and seal it."""
    content = json.loads((folder / "dataset.json").read_bytes())
    content["shards"] = {name: _sha256(folder / name) for name in content["shards"]}
    content["index_sha256"] = _sha256(folder / "index.csv")
    (folder / "dataset.json").write_text(json.dumps(sealed(content)))


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
