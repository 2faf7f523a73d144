"""The report a person reads: one HTML file that needs nothing else, offline, on a screen of any width or on paper."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from xrmri.metrics.measure import METRICS
from xrmri.report.figures import SOURCES, Drawn
from xrmri.run import write_text

COLUMNS = ("generated", "wrong_patient", "mean_volume", "nearest_training", "vae_ceiling")


def write_page(file: Path, summary: Mapping[str, Any], table: pd.DataFrame, figures: Sequence[Drawn]) -> None:
    """Write report.html.

    Args:
        file: where to.
        summary: what summary.json holds.
        table: one row a pair, as in volumes.csv.
        figures: drawn before; they are put into the page.
    """
    assets = resources.files("xrmri.report") / "assets"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["figure"] = _number
    template = environment.from_string((assets / "report.html.jinja").read_text(encoding="utf-8"))
    page = template.render(
        style=Markup((assets / "report.css").read_text(encoding="utf-8")),
        summary=summary,
        metrics=METRICS,
        columns=[name for name in COLUMNS if any(summary[metric.name].get(name) for metric in METRICS)],
        names={source: label for source, (label, _) in SOURCES.items()},
        figures=[{"title": f.title, "words": f.words, "data": _inline(f.png), "file": f.png.name} for f in figures],
        evaluated=table[table["reason"] == ""].sort_values("pair_id").to_dict("records"),
        methods=_methods(summary),
    )
    write_text(file, page)


def _number(value: float | None, metric: str) -> str:
    """A figure with the digits it deserves; a dash where there is none."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.1f}" if metric.startswith("psnr") else f"{value:.3f}"


def _inline(picture: Path) -> str:
    """A figure as WebP inside the page, a tenth of its size on disk."""
    packed = io.BytesIO()
    Image.open(picture).convert("RGB").save(packed, format="WEBP", quality=85)
    return "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode("ascii")


def _methods(summary: Mapping[str, Any]) -> str:
    """A paragraph that an author can copy: what was computed, how, with what."""
    counts, settings, version = summary["counts"], summary["settings"], summary["versions"]
    drawn = summary["generated_with"]["config"]
    how = ""
    if drawn:
        how = (
            f" Volumes of {drawn['num_slices']} slices were drawn in {drawn['steps']} steps"
            f" ({drawn['sampler']}, eta {drawn['eta']}, guidance {drawn['guidance']}, {drawn['noise']} noise,"
            f" seed {drawn['seed']})."
        )
    return (
        f"{counts['volumes']} synthetic volumes of {counts['participants']} participants were compared slice by slice "
        f"with the acquired volumes.{how} Intensities were windowed to [0, 1] and all figures computed in double "
        "precision with data range 1. SSIM is given with a 7 x 7 uniform window and sample covariance, and with an "
        "11 x 11 Gaussian window (sigma 1.5) and population covariance. RSSIM is the former on Canny edge maps (sigma "
        f"{settings['canny_sigma']:g} pixels, thresholds 0.1 and 0.2) between the lower third of the femoral and the "
        f"upper third of the tibial edge; {counts['slices_without_joint']} of {counts['slices']} slices show no joint "
        "and were left out. Values were averaged over slices and over a participant's volumes; medians carry 95 % "
        f"percentile-bootstrap intervals over participants ({settings['bootstrap']} resamples, seed "
        f"{settings['seed']}). Computed with xrmri {version.get('xrmri', 'unknown')} on Python {version['python']} "
        f"(scikit-image {version.get('scikit-image', 'unknown')}, SimpleITK {version.get('SimpleITK', 'unknown')})."
    )
