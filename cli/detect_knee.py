"""`xrmri detect-knee`: films -> knees/."""

from pathlib import Path
from typing import Annotated

import typer

from xrmri.config import DetectKnee

from .options import Common, output, setting, with_common


@with_common
def detect_knee(
    common: Common,
    films: Annotated[
        list[Path], typer.Argument(metavar="FILM", help="Films (DICOM, PNG, JPEG, TIFF), folders, or a release.")
    ],
    out: Annotated[Path, output("knees", "Folder of the crops.")] = Path("knees"),
    side: Annotated[str | None, typer.Option(metavar="left|right", help="The knee that one-knee films show.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Another detector; default: the one bundled here.")] = None,
    trust_weights: Annotated[
        bool, typer.Option("--trust-weights", help="Load a .pt file although it can run code.")
    ] = False,
    min_score: Annotated[float | None, setting(DetectKnee, "min_score")] = None,
    overview: Annotated[
        bool, typer.Option("--overview", help="Also draw each film with its boxes, in FOLDER/overview.")
    ] = False,
) -> None:
    """Find the knees on films, tell right from left, and cut out the joints."""
    config = common.settings(DetectKnee, min_score=min_score)
    from xrmri.stages import detect_knee as stage

    result = stage.run(
        films, out, config, common.execution(), side=side, weights=weights, trust=trust_weights, overview=overview
    )
    common.conclude(result)
