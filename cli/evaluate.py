"""`xrmri evaluate`: volumes/ + dataset/ -> evaluation/."""

from pathlib import Path
from typing import Annotated

import typer

from xrmri.config import Evaluate

from .options import Common, output, setting, with_common


@with_common
def evaluate(
    common: Common,
    volumes: Annotated[Path, typer.Argument(metavar="VOLUMES", help="Folder from generate.")],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder from build-dataset.")],
    out: Annotated[Path, output("evaluation", "Folder of figures and report.")] = Path("evaluation"),
    bootstrap: Annotated[int | None, setting(Evaluate, "bootstrap")] = None,
) -> None:
    """Compare generated with acquired volumes, beside what no effort and perfect effort would reach."""
    config = common.settings(Evaluate, bootstrap=bootstrap)
    from xrmri.stages import evaluate as stage

    common.conclude(stage.run(volumes, dataset, out, config, common.execution()))
