"""One HTML file that shows a volume in three planes beside its radiograph, offline: script and voxels lie inside."""

import base64
import io
from importlib import resources
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from xrmri.files import write_text
from xrmri.names import printable
from xrmri.report.preview import grey

NIIVUE_VERSION = "0.69.0"
NIIVUE_SHA256 = "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"
"""Of assets/niivue.umd.js, as npm has it."""


def write_viewer(file: Path, radiograph: np.ndarray, volume: Path, *, title: str, note: str) -> None:
    """Write the page.

    Args:
        file: ends in .html.
        radiograph: (H, W) float32 in [-1, 1], as the film shows it.
        volume: a NIfTI file.
        title: the line above.
        note: the line below.
    """
    assets = resources.files("xrmri.report") / "assets"
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    page = environment.from_string((assets / "viewer.html.jinja").read_text(encoding="utf-8")).render(
        title=printable(title),
        note=note,
        radiograph=_data(radiograph),
        # Markup: our own asset, and base64 of bytes; everything else is escaped.
        niivue=Markup((assets / "niivue.umd.js").read_text(encoding="utf-8")),
        niivue_version=NIIVUE_VERSION,
        volume=Markup(base64.b64encode(volume.read_bytes()).decode("ascii")),
        name=printable(volume.name),
    )
    write_text(file, page)


def _data(image: np.ndarray) -> str:
    """(H, W) in [-1, 1] as a PNG inside the page."""
    packed = io.BytesIO()
    grey(image).save(packed, format="PNG")
    return "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
