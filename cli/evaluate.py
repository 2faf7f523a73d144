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
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", metavar="VOLUMES", help="A further run of the same pairs to compare with; repeatable."),
    ] = None,
    rescan: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A second scan of the same pairs: a dataset, or NIfTI files.")
    ] = None,
    flipped: Annotated[
        Path | None,
        typer.Option(metavar="VOLUMES", help="The same volumes drawn with other grades, same seed."),
    ] = None,
    twin: Annotated[
        list[Path] | None,
        typer.Option(metavar="DATASET", help="Another knee for the same films (phantom --twin); repeatable."),
    ] = None,
    training: Annotated[
        Path | None,
        typer.Option(metavar="DATASET", help="Whose training split baselines are made of. Default: DATASET's own."),
    ] = None,
    bootstrap: Annotated[int | None, setting(Evaluate, "bootstrap")] = None,
    quick: Annotated[bool, setting(Evaluate, "quick", "--quick")] = False,
) -> None:
    """Compare generated with acquired volumes, beside what no effort and perfect effort would reach."""
    config = common.settings(Evaluate, bootstrap=bootstrap, quick=quick or None)
    from xrmri.evaluation.inputs import Inputs
    from xrmri.stages import evaluate as stage

    inputs = Inputs(
        volumes=volumes,
        dataset=dataset,
        also=tuple(also or ()),
        rescan=rescan,
        flipped=flipped,
        twins=tuple(twin or ()),
        training=training,
    )
    common.conclude(stage.run(inputs, out, config, common.execution()))
