"""Figures of an evaluation, each as PNG and PDF, the same bytes for the same figures.

Every figure is drawn from the tables that are written beside it, and comes with words that tell what it shows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xrmri.evaluation.entries import Scores
from xrmri.evaluation.sources import BY_NAME, GENERATED, SOURCES
from xrmri.evenly import evenly
from xrmri.metrics.region import JointBand
from xrmri.metrics.table import METRICS
from xrmri.storage.files import complete_or_absent

RUN_COLOURS = ("#c2571a", "#5b3fa0", "#2f7d5b", "#9c2f5f", "#6b6b00")
STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "pdf.fonttype": 42,
    "image.cmap": "gray",
}
METRIC_TITLES = {metric.name: f"{metric.title}{f' ({metric.unit})' if metric.unit else ''}" for metric in METRICS}
SHOWN = tuple(metric.name for metric in METRICS if metric.shown)
_DEPTHS = 6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CaseImages:
    """What a mosaic shows of one pair; (n, H, W) in [0, 1]."""

    acquired: np.ndarray
    generated: np.ndarray
    slices: np.ndarray
    """(n,) indices in the acquired volume."""
    bands: list[JointBand | None]
    radiograph: np.ndarray
    """(H, W), any range."""
    further: Mapping[str, np.ndarray]
    """Name of a further run -> (n, H, W) at the same depths."""
    flipped: np.ndarray | None
    """(n, H, W) drawn with other grades."""
    drawn: np.ndarray
    """(N, H, W) every generated slice."""
    spacing_mm: tuple[float, float, float]
    """Between the n slices, rows and columns."""
    plane: str = "coronal"
    """In which the slices lie."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One figure on disk and what it shows."""

    png: Path
    title: str
    words: str


def chosen_cases(table: pd.DataFrame, count: int) -> list[tuple[str, str]]:
    """(rank, pair_id) of the best, median and worst volumes by SSIM (7 x 7), up to `count` each, none twice."""
    order = table.dropna(subset=["ssim"]).sort_values(["ssim", "pair_id"], ascending=[False, True])["pair_id"].tolist()
    middle = max((len(order) - count) // 2, 0)
    wanted = [
        *(("best", pair_id) for pair_id in order[:count]),
        *(("median", pair_id) for pair_id in order[middle : middle + count]),
        *(("worst", pair_id) for pair_id in order[::-1][:count]),
    ]
    seen: dict[str, str] = {}
    for rank, pair_id in wanted:
        seen.setdefault(pair_id, rank)
    return [(rank, pair_id) for pair_id, rank in seen.items()]


def draw_figures(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    scores: Scores,
    *,
    cases: Sequence[tuple[str, str]],
    picture: Callable[[str], CaseImages],
) -> list[Drawn]:
    """Draw everything.

    Args:
        folder: figures/; made where it is missing.
        tables: source -> one row a pair.
        scores: metric -> source -> what it scores over participants.
        cases: (rank, pair_id) of the volumes to show.
        picture: gives the slices of one of them.
    """
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        drawn = [_beside_baselines(folder, scores), _by_grade(folder, tables["generated"], scores)]
        for rank, pair_id in cases:
            score = float(tables["generated"].set_index("pair_id").at[pair_id, "ssim"])
            drawn.append(_mosaic(folder, pair_id, f"{rank}, SSIM {score:.3f}", picture(pair_id)))
    return drawn


def source_style(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Label and colour of each source, in the order in which they are shown; what is no baseline is a further run."""
    runs = [name for name in names if name not in BY_NAME]
    styled = {name: (name, RUN_COLOURS[place % len(RUN_COLOURS)]) for place, name in enumerate(runs)}
    known = {source.name: (source.label, source.colour) for source in SOURCES if source.name in names}
    first = {GENERATED: known.pop(GENERATED)} if GENERATED in known else {}
    return first | styled | known


def _measured(scores: Scores) -> list[str]:
    """The metrics that are shown, but for those that measured nothing, such as a joint that no volume shows."""
    return [name for name in SHOWN if any(scores[name].values())] or list(SHOWN[:1])


def _panels(height: float, count: int) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels of a height in inches, two a row."""
    rows = (count + 1) // 2
    figure = Figure(figsize=(9.5, height * rows), layout="constrained")
    panels = list(figure.subplots(rows, 2, squeeze=False).ravel())
    for empty in panels[count:]:
        empty.axis("off")
    return figure, panels[:count]


def _beside_baselines(folder: Path, scores: Scores) -> Drawn:
    """Medians with their intervals, generated and baselines, one panel a metric."""
    shown = _measured(scores)
    figure, panels = _panels(2.7, len(shown))
    for axes, name in zip(panels, shown, strict=True):
        styles = source_style(list(scores[name]))
        rows = [(source, found) for source in styles if (found := scores[name].get(source))]
        for place, (source, found) in enumerate(reversed(rows)):
            (low, high), (first, third) = found["interval"], found["quartiles"]
            colour = styles[source][1]
            axes.plot([first, third], [place, place], color=colour, alpha=0.3, linewidth=6, solid_capstyle="butt")
            axes.plot([low, high], [place, place], color=colour, linewidth=2)
            axes.plot(found["median"], place, "o", color=colour, markersize=6)
        axes.set_yticks(range(len(rows)), [styles[source][0] for source, _ in reversed(rows)])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_title(METRIC_TITLES[name], loc="left", fontweight="bold")
        axes.grid(axis="x", alpha=0.25)
    words = "Dot: median over participants. Thin line: its 95 % interval. Broad line: quartiles."
    return save(figure, folder / "baselines", "Generated volumes beside the baselines", words)


def _by_grade(folder: Path, table: pd.DataFrame, scores: Scores) -> Drawn:
    """Box plots of the generated volumes for each KL grade, with the baselines' medians as lines."""
    seen = table[table["reason"] == ""].dropna(subset=["kl"])
    grades = sorted(int(grade) for grade in seen["kl"].unique())
    shown = _measured(scores)
    figure, panels = _panels(3, len(shown))
    for axes, name in zip(panels, shown, strict=True):
        groups = [seen.loc[seen["kl"] == grade, name].dropna().to_numpy(float) for grade in grades]
        if groups:
            axes.boxplot(
                groups,
                positions=range(len(grades)),
                widths=0.5,
                flierprops={"marker": ".", "markersize": 4},
                medianprops={"color": BY_NAME[GENERATED].colour, "linewidth": 2},
            )
        labels = [f"{grade}\nn={len(group)}" for grade, group in zip(grades, groups, strict=True)]
        axes.set_xticks(range(len(grades)), labels)
        for source in SOURCES:
            if source.name != GENERATED and (found := scores[name].get(source.name)):
                axes.axhline(found["median"], color=source.colour, linewidth=1, linestyle="--", label=source.label)
        axes.set_title(METRIC_TITLES[name], loc="left", fontweight="bold")
        axes.set_xlabel("Kellgren-Lawrence grade")
    handles = {h.get_label(): h for axes in panels for h in axes.get_legend_handles_labels()[0]}
    if handles:
        names = [str(name) for name in handles]
        figure.legend(list(handles.values()), names, loc="outside lower center", ncols=5, frameon=False)
    words = (
        "One value a volume. Box: quartiles with the median; whiskers: 1.5 times the box; dots: beyond. "
        "Dashed lines: medians of the baselines over all grades."
    )
    return save(figure, folder / "by_grade", "Likeness by Kellgren-Lawrence grade", words)


def _mosaic(folder: Path, pair_id: str, title: str, picture: CaseImages) -> Drawn:
    """Acquired, generated and their difference at six depths; the joint band is marked on the acquired slices."""
    chosen = np.array(evenly(range(len(picture.slices)), _DEPTHS))
    acquired, generated = picture.acquired[chosen], picture.generated[chosen]
    rows = [
        mpl.colormaps["gray"](np.hstack(acquired)),
        mpl.colormaps["gray"](np.hstack(generated)),
        mpl.colormaps["RdBu_r"](np.hstack((generated - acquired) / 2 + 0.5)),
    ]
    height, width = acquired.shape[1:]
    figure = Figure(figsize=(1.9 * len(chosen) + 1, 1.9 * 3 * height / width + 0.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.vstack(rows))
    for place, index in enumerate(chosen):
        band = picture.bands[index]
        for row in (band.rows.start, band.rows.stop - 1) if band else ():
            axes.plot([place * width, (place + 1) * width - 1], [row, row], color="#ffb000", linewidth=0.8)
    names = [f"slice {picture.slices[index] + 1}" for index in chosen]
    axes.set_xticks((np.arange(len(chosen)) + 0.5) * width, names)
    axes.set_yticks((np.arange(3) + 0.5) * height, ["acquired", "generated", "difference"], rotation=90, va="center")
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    words = (
        "Top: acquired; middle: generated (synthetic); bottom: generated minus acquired, red where it is too bright, "
        "blue where too dark, darkest at the whole window. Left is posterior, right anterior. Orange lines: the band "
        "of RSSIM."
    )
    return save(figure, folder / f"case_{pair_id}", f"{pair_id}: {title}", words)


def save(figure: Figure, stem: Path, title: str, words: str) -> Drawn:
    """PNG and PDF without dates, so that the same figure is the same file."""
    for suffix, metadata in ((".png", {"Software": None}), (".pdf", {"CreationDate": None, "Producer": None})):
        with complete_or_absent(stem.with_name(stem.name + suffix)) as partial:
            figure.savefig(partial, dpi=110, metadata=metadata)
    return Drawn(png=stem.with_name(stem.name + ".png"), title=title, words=words)
