"""The report a person reads: one HTML file that needs nothing else, offline, on a screen of any width or on paper."""

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from xrmri.evaluation.ceiling_words import NO_FIGURE, no_ceilings
from xrmri.evaluation.result import Summary
from xrmri.evaluation.sources import SOURCES
from xrmri.metrics.table import BY_NAME, METRICS
from xrmri.report.figures import Drawn, source_style
from xrmri.report.words import beyond, methods
from xrmri.storage.files import write_text

CONTENTS = (
    ("answer", "In words"),
    ("table", "Scores"),
    ("differences", "Differences"),
    ("sizes", "Sizes"),
    ("runs", "Runs"),
    ("beyond", "Beyond likeness"),
    ("volumes-title", "Viewer"),
    ("pictures", "Pictures"),
    ("grades", "Grades"),
    ("volumes", "Volumes"),
    ("limits", "Limits"),
    ("methods", "Methods"),
)


def write_page(
    file: Path,
    summary: Summary,
    table: pd.DataFrame,
    *,
    figures: Sequence[Drawn],
    viewer: Sequence[Mapping[str, Any]],
) -> None:
    """Write report.html.

    Args:
        file: where to.
        summary: what the evaluation found.
        table: one row a pair, as in volumes.csv.
        figures: drawn before; they are put into the page.
        viewer: cases to look through, as `viewer.viewer_case` gives them; none leaves the viewer out.
    """
    styles = source_style([name for metric in METRICS for name in summary.scores[metric.name]])
    assets = resources.files("xrmri.report") / "assets"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["score"] = _number
    environment.filters["p_value"] = _p_value
    environment.filters["range"] = _range
    environment.filters["of_several"] = _of_several
    environment.filters["count_of"] = _count_of
    there = {"volumes-title": bool(viewer), "runs": bool(summary.runs)}
    template = environment.from_string((assets / "report.html.jinja").read_text(encoding="utf-8"))
    page = template.render(
        style=Markup((assets / "report.css").read_text(encoding="utf-8")),
        summary=summary,
        metrics=METRICS,
        script=Markup((assets / "viewer.js").read_text(encoding="utf-8")),
        columns=[name for name in styles if name != "acquired" and any(of.get(name) for of in summary.scores.values())],
        names={source.name: source.label for source in SOURCES} | {name: label for name, (label, _) in styles.items()},
        figures=[{"title": f.title, "words": f.words, "file": f.png.name, **_inline(f.png)} for f in figures],
        # "<" is all that could end the script element.
        viewer=Markup(json.dumps(list(viewer)).replace("<", "\\u003c")) if viewer else "",
        contents=[one for one in CONTENTS if there.get(one[0], True)],
        beyond=beyond(summary),
        no_ceilings=no_ceilings(summary.scores),
        evaluated=table[table["reason"] == ""].sort_values("pair_id").to_dict("records"),
        methods=methods(summary),
    )
    write_text(file, page)


def _number(value: float | None, metric: str) -> str:
    """A score with the digits it deserves; a dash where there is none."""
    if value is None or math.isnan(value):
        return NO_FIGURE
    return BY_NAME[metric].text(value)


def _range(interval: Sequence[float] | None, metric: str, participants: int = 2) -> str:
    """An interval; a dash where one participant gives none."""
    if interval is None or participants < 2:
        return NO_FIGURE
    return " to ".join(_number(bound, metric) for bound in interval)


def _count_of(count: int, what: str) -> str:
    """Such as 1 volume, 2 volumes."""
    return f"{count} {what}{'s' * (count != 1)}"


def _of_several(value: float, form: str, participants: int) -> str:
    """A statistic of several participants; a dash for one."""
    return form.format(value) if participants > 1 else NO_FIGURE


def _p_value(value: float) -> str:
    """A p value with the digits it deserves."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _inline(picture: Path) -> dict[str, Any]:
    """A figure as WebP inside the page, a tenth of its size on disk, and its size in pixels."""
    packed = io.BytesIO()
    image = Image.open(picture).convert("RGB")
    image.save(packed, format="WEBP", quality=85)
    data = "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
    return {"data": data, "width": image.width, "height": image.height}
