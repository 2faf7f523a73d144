"""The figures and picture tables of the paper (Wang et al., arXiv 2410.06997), drawn from any evaluation.

Numbers follow the paper: Figs. 4 to 6 and Tables II to IV. Baselines stand beside every method, which the paper leaves
out. Fig. 4a counts series of a release, not pairs of a dataset, and is not drawn.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from xrmri.evaluation.sources import ACQUIRED, BY_NAME, GENERATED
from xrmri.metrics.edges import sobel
from xrmri.report.figures import METRIC_TITLES, STYLE, CaseImages, Drawn, save, source_style

GRADES = (0, 2, 4)
"""Of Table II: healthy, early and late (paper, IV-A)."""
_BETWEEN = 7


def draw_paper(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    grey_values: pd.DataFrame,
    *,
    picture: Callable[[str], CaseImages],
    run_name: str,
) -> list[Drawn]:
    """Draw all that the volumes allow.

    Args:
        folder: figures/.
        tables: source -> one row a pair; sources that are no baselines are further runs.
        grey_values: columns depth, acquired, generated: mean intensity of a slice in [0, 1], one row a slice.
        picture: gives the slices of a pair.
        run_name: what the run is called where it stands beside others.
    """
    with mpl.rc_context(STYLE):
        drawn = [_fig4(folder, grey_values), _fig5(folder, tables), _fig6(folder, tables, run_name)]
        chosen = _by_grade(tables["generated"])
        shown = {pair_id: picture(pair_id) for pair_id in chosen.values()}
        drawn.append(_table2(folder, {grade: shown[pair_id] for grade, pair_id in chosen.items()}, run_name))
        if any(one.flipped is not None for one in shown.values()):
            drawn.append(_table3(folder, shown))
        drawn.append(_table4(folder, next(iter(shown.values()))))
    return drawn


def _fig4(folder: Path, grey: pd.DataFrame) -> Drawn:
    """Mean intensity over depth."""
    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for name in (ACQUIRED, GENERATED):
        colour = BY_NAME[name].colour
        found = grey.groupby("depth")[name]
        axes.fill_between(
            found.median().index, found.quantile(0.25), found.quantile(0.75), color=colour, alpha=0.2, lw=0
        )
        axes.plot(found.median().index, found.median(), color=colour, label=name)
    axes.set_xlabel("depth, from posterior (0) to anterior (1)")
    axes.set_ylabel("mean grey value")
    axes.legend(frameon=False)
    words = "Line: median over volumes of the mean intensity of a slice, as a share of the window. Band: quartiles."
    return save(figure, folder / "fig4", "Grey values along depth (paper, Fig. 4b)", words)


def _fig5(folder: Path, tables: Mapping[str, pd.DataFrame]) -> Drawn:
    """Box plots of PSNR, SSIM and RSSIM of every method and baseline."""
    styles = source_style([name for name in tables if name != "acquired"])
    figure = Figure(figsize=(9.5, 7.5), layout="constrained")
    for axes, name in zip(figure.subplots(3, 1), ("psnr", "ssim", "rssim"), strict=True):
        groups = {source: tables[source][name].dropna().to_numpy(float) for source in styles}
        groups = {source: values for source, values in groups.items() if len(values)}
        if groups:
            boxes = axes.boxplot(
                list(groups.values()),
                widths=0.55,
                patch_artist=True,
                flierprops={"marker": ".", "markersize": 4},
                medianprops={"color": "black", "linewidth": 1.5},
            )
            for box, source in zip(boxes["boxes"], groups, strict=True):
                box.set(facecolor=styles[source][1], alpha=0.45)
        axes.set_xticks(range(1, len(groups) + 1), [styles[source][0].replace(" ", "\n", 1) for source in groups])
        axes.set_title(METRIC_TITLES[name], loc="left", fontweight="bold")
        axes.grid(axis="y", alpha=0.25)
    words = "One value a volume. Box: quartiles with the median; whiskers: 1.5 times the box; dots: beyond."
    return save(figure, folder / "fig5", "PSNR, SSIM and RSSIM of methods and baselines (paper, Fig. 5)", words)


def _fig6(folder: Path, tables: Mapping[str, pd.DataFrame], run_name: str) -> Drawn:
    """Adjacent-slice correlation against the number of slices drawn."""
    styles = source_style([name for name in tables if "adjacent_correlation_own" in tables[name]])
    runs = [name for name in styles if name == "generated" or name not in BY_NAME]
    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    axes = figure.subplots()
    points = []
    for name in runs:
        rows = tables[name].dropna(subset=["adjacent_correlation_own"])
        rows = rows[rows["generated_slices"] > 0]
        for slices, group in rows.groupby("generated_slices"):
            mean = float(group["adjacent_correlation_own"].mean())
            points.append((slices, mean))
            label = run_name if name == "generated" else name
            axes.plot(slices, mean, "o", color=styles[name][1], label=label)
    points.sort()
    if len(points) > 1:
        axes.plot(*zip(*points, strict=True), color="#888888", linewidth=1, zorder=0)
    acquired = tables["acquired"]["adjacent_correlation"].mean()
    if np.isfinite(acquired):
        axes.axhline(acquired, color="#b00020", linestyle="--", linewidth=1, label="acquired, at the same depths")
    axes.set_xlabel("slices drawn")
    axes.set_ylabel("mean correlation of neighbours")
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axes.legend(unique.values(), unique.keys(), frameon=False)
    words = (
        "Dot: mean over volumes of the correlation between each generated slice and the next, over all slices drawn. "
        "It rises with the number of slices whatever they show. Runs with other numbers come in by --also."
    )
    return save(figure, folder / "fig6", "Adjacent-slice correlation (paper, Fig. 6)", words)


def _by_grade(table: pd.DataFrame) -> dict[int, str]:
    """For each grade of Table II, or those nearest to them, the pair with the median SSIM of its grade."""
    seen = table.dropna(subset=["ssim", "kl"])
    if seen.empty:
        seen = table.dropna(subset=["ssim"]).assign(kl=-1)
    there = sorted(int(grade) for grade in seen["kl"].unique())
    wanted = sorted({min(there, key=lambda grade: abs(grade - aim)) for aim in GRADES})
    found = {}
    for grade in wanted:
        rows = seen[seen["kl"] == grade].sort_values(["ssim", "pair_id"])
        found[grade] = str(rows["pair_id"].iloc[(len(rows) - 1) // 2])
    return found


def _table2(folder: Path, shown: Mapping[int, CaseImages], run_name: str) -> Drawn:
    """Radiograph, acquired slice, and the same slice of every run, with Sobel difference maps below."""
    runs = list(next(iter(shown.values())).further)
    figure = Figure(figsize=(1.75 * (3 + len(runs)), 3.7 * len(shown)), layout="constrained")
    panels = figure.subplots(2 * len(shown), 3 + len(runs), squeeze=False)
    engine: Any = figure.get_layout_engine()
    engine.set(hspace=0, h_pad=0.02)
    for row, (grade, one) in enumerate(shown.items()):
        index = _middle_of_joint(one)
        acquired = one.acquired[index]
        volumes = {run_name: one.generated[index], **{name: one.further[name][index] for name in runs}}
        above, below = panels[2 * row], panels[2 * row + 1]
        above[0].imshow(one.radiograph)
        above[1].imshow(acquired, vmin=0, vmax=1)
        for axes, under, (name, pixels) in zip(above[2:], below[2:], volumes.items(), strict=True):
            axes.imshow(pixels, vmin=0, vmax=1)
            edges = sobel(np.stack([acquired, pixels]))
            under.imshow(np.abs(edges[0] - edges[1]), vmin=0, vmax=0.35, cmap="magma")
            if row == 0:
                axes.set_title(name, fontsize=9)
        if row == 0:
            above[0].set_title("radiograph", fontsize=9)
            above[1].set_title("acquired", fontsize=9)
        above[0].set_ylabel(f"KL {grade}" if grade >= 0 else "grade not read", fontsize=10)
    for axes in panels.ravel():
        axes.set_xticks([], [])
        axes.set_yticks([], [])
        axes.spines[:].set_visible(False)
        if not axes.images:
            axes.axis("off")
    words = (
        "For each grade the pair with the median SSIM, at the middle slice of those that show the joint. Below: "
        "absolute difference of the Sobel gradients of the generated and the acquired slice, white where edges differ "
        "most."
    )
    return save(figure, folder / "table2", "A slice of every method beside the acquired one (paper, Table II)", words)


def _table3(folder: Path, shown: Mapping[str, CaseImages]) -> Drawn:
    """Acquired, generated, generated with other grades, and what the grades changed."""
    rows = {pair_id: one for pair_id, one in shown.items() if one.flipped is not None}
    figure = Figure(figsize=(8, 2.1 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), 4, squeeze=False)
    names = ("acquired", "generated", "other grades", "change")
    for line, (pair_id, one) in zip(panels, rows.items(), strict=True):
        index = _middle_of_joint(one)
        assert one.flipped is not None
        change = one.flipped[index] - one.generated[index]
        for axes, pixels in zip(line, (one.acquired[index], one.generated[index], one.flipped[index]), strict=False):
            axes.imshow(pixels, vmin=0, vmax=1)
        line[3].imshow(change, vmin=-0.5, vmax=0.5, cmap="RdBu_r")
        line[0].set_ylabel(pair_id, fontsize=8)
    for axes, name in zip(panels[0], names, strict=True):
        axes.set_title(name, fontsize=9)
    for axes in panels.ravel():
        axes.set_xticks([], [])
        axes.set_yticks([], [])
    words = "The same radiograph, noise and depth; only the grades differ. Red: brighter with the other grades."
    return save(figure, folder / "table3", "What the grades do (paper, Table III)", words)


def _table4(folder: Path, one: CaseImages) -> Drawn:
    """Consecutive generated slices where bone first appears, between two acquired ones."""
    joint = [index for index, band in enumerate(one.bands) if band]
    first = max(joint[0] - 1, 0) if joint else len(one.slices) // 2
    finer = (len(one.drawn) - 1) / max(len(one.slices) - 1, 1)
    count = min(_BETWEEN, max(len(one.drawn) // _BETWEEN, 2))
    start = round(first * finer)
    stop = min(max(round((first + 1) * finer), start + count - 1), len(one.drawn) - 1)
    last = round(stop / finer)
    between = np.unique(np.linspace(start, stop, count).round().astype(int))
    shown = [one.acquired[first], *one.drawn[between], one.acquired[last]]
    figure = Figure(figsize=(1.35 * len(shown), 1.75), layout="constrained")
    titles = [
        f"acquired {one.slices[first] + 1}",
        *(f"drawn {i + 1}" for i in between),
        f"acquired {one.slices[last] + 1}",
    ]
    for axes, pixels, title in zip(figure.subplots(1, len(shown)), shown, titles, strict=True):
        axes.imshow(pixels, vmin=0, vmax=1)
        axes.set_title(title, fontsize=8)
        axes.axis("off")
    words = (
        f"Slices {between[0] + 1} to {between[-1] + 1} of {len(one.drawn)} drawn, where the joint begins. With more "
        "slices than were acquired they lie between two acquired ones."
    )
    return save(figure, folder / "table4", "Slices in between (paper, Table IV)", words)


def _middle_of_joint(one: CaseImages) -> int:
    """The middle slice of those that show a joint; the middle of all where none does."""
    joint = [index for index, band in enumerate(one.bands) if band]
    return joint[len(joint) // 2] if joint else len(one.slices) // 2
