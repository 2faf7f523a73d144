"""The bytes of a small release, so that a change of what is drawn is never silent.

`make golden` (python tests/phantom/golden.py) writes golden.json beside this file: do it where drawing has changed, and
count `xrmri.phantom.version.RELEASE` up where the release before was handed to others.
"""

import hashlib
import json
import platform
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pydicom
import scipy

from xrmri.config import Execution, Phantom
from xrmri.phantom.version import RELEASE
from xrmri.stages.phantom import run

FILE = Path(__file__).with_suffix(".json")
TABLES = (".txt", ".csv")


def measured() -> dict[str, Any]:
    """A release of two people in numbers.

    Returns:
        release; machine, on which alone bytes can be promised; sha256 of its tables and of every file but run.json;
        brightness: means of a grid of 4 x 4 over the first film and a slice of the first FLASH, by series.
    """
    with TemporaryDirectory() as folder:
        root = Path(folder, "oai")
        run(root, Phantom(participants=2, matrix=32), Execution(workers=1))
        files = sorted(f for f in root.rglob("*") if f.is_file() and f.name != "run.json")
        contents = {file.relative_to(root).as_posix(): file.read_bytes() for file in files}
        first = sorted(file for file in files if file.parent.name.isdigit())
        shown = {"film": first[0], "flash": [f for f in first if "FLASH" in _header(f).SeriesDescription][40]}
        brightness = {name: _grid(pydicom.dcmread(file).pixel_array) for name, file in shown.items()}
    return {
        "release": RELEASE,
        "machine": _machine(),
        "tables": _hash({name: text for name, text in contents.items() if name.endswith(TABLES)}),
        "files": _hash(contents),
        "brightness": brightness,
    }


def _header(file: Path) -> pydicom.Dataset:
    return pydicom.dcmread(file, stop_before_pixels=True)


def _grid(pixels: np.ndarray) -> list[float]:
    """16 means over the picture."""
    rows = np.array_split(pixels.astype(float), 4)
    return [round(float(part.mean()), 2) for row in rows for part in np.array_split(row, 4, axis=1)]


def _hash(contents: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()


def _machine() -> str:
    """What decides how floating-point numbers round: libraries and vector instructions."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return f"{platform.machine()} {' '.join(found)} numpy {np.__version__} scipy {scipy.__version__}"


if __name__ == "__main__":
    FILE.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
