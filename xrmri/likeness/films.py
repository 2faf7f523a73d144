"""A synthetic cohort -> pictures of its films, and whether they are within the spread of real ones."""

from collections.abc import Sequence
from pathlib import Path

from xrmri.likeness.film_statistics import (
    REAL,
    REAL_HISTOGRAM,
    DrawnCrop,
    FilmTarget,
    histogram,
    measure,
    shares,
    targets,
)
from xrmri.report.film_figures import draw_crops_by_grade, draw_film_statistics


def write_film_figures(folder: Path, crops: Sequence[DrawnCrop]) -> list[FilmTarget]:
    """Draw the joint crops by grade, and their statistics beside those of real crops.

    Args:
        folder: exists; film_crops.png and film_statistics.png are written to it.
        crops: both knees of 40 participants, as the targets are meant; fewer have wider percentiles.

    Returns:
        name, measured value, limits and verdict of each target.
    """
    measured = [measure(crop.pixels) for crop in crops]
    by_grade = {grade: [crop.pixels for crop in crops if crop.grade == grade] for grade in range(5)}
    draw_crops_by_grade(folder / "film_crops.png", by_grade)
    counts = histogram([crop.pixels for crop in crops])
    draw_film_statistics(folder / "film_statistics.png", shares(measured), REAL, histograms=(counts, REAL_HISTOGRAM))
    return targets(measured)
