"""One HTML file that shows a volume in three planes beside its radiograph, offline: script and voxels lie inside."""

import base64
import io
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from xrmri.geometry import Geometry
from xrmri.report.preview import Caption, grey
from xrmri.storage.files import write_text
from xrmri.storage.names import printable

NIIVUE_VERSION = "0.69.0"
NIIVUE_SHA256 = "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"
"""Of assets/niivue.umd.js, as npm has it."""


_OF_PLANE = {"sagittal": "RL", "coronal": "AP", "axial": "SI"}
"""Plane -> where the axis runs to along which its slices lie."""


def write_viewer(file: Path, radiograph: np.ndarray, volume: Path, *, geometry: Geometry, caption: Caption) -> None:
    """Write the page.

    Args:
        file: ends in .html.
        radiograph: (H, W) float32 in [-1, 1], as the film shows it.
        volume: a NIfTI file.
        geometry: where its voxels lie.
        caption: what is said of it.
    """
    assets = resources.files("xrmri.report") / "assets"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    page = environment.from_string((assets / "viewer.html.jinja").read_text(encoding="utf-8")).render(
        title=printable(caption.title),
        facts=[(heading, printable(words)) for heading, words in caption.facts],
        note=caption.note,
        planes=list(_OF_PLANE),
        place=_place(geometry),
        tall=_tall(geometry),
        radiograph=_data(radiograph),
        # Markup: our own asset, and base64 of bytes; everything else is escaped.
        niivue=Markup((assets / "niivue.umd.js").read_text(encoding="utf-8")),
        niivue_version=NIIVUE_VERSION,
        volume=Markup(base64.b64encode(volume.read_bytes()).decode("ascii")),
        name=printable(volume.name),
    )
    write_text(file, page)


def _place(geometry: Geometry) -> dict[str, Any]:
    """How the script tells slice numbers of a place in RAS mm: the affine back, and of each plane axis and count."""
    axes = {plane: next(i for i, letter in enumerate(geometry.orientation) if letter in letters)
            for plane, letters in _OF_PLANE.items()}  # fmt: skip
    return {
        "back": np.linalg.inv(geometry.affine)[:3].round(6).tolist(),
        "axes": axes,
        "counts": {plane: geometry.shape[axis] for plane, axis in axes.items()},
    }


def _tall(geometry: Geometry) -> float:
    """How high the three planes are, one below the other, in the width of the widest."""
    across, deep, high = np.abs(geometry.affine[:3, :3]) @ np.array(geometry.shape)
    return round(float((deep + 2 * high) / max(across, deep)), 3)


def _data(image: np.ndarray) -> str:
    """(H, W) in [-1, 1] as a PNG inside the page."""
    packed = io.BytesIO()
    grey(image).save(packed, format="PNG")
    return "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
