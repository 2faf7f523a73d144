"""`xrmri train-ldm`: dataset/ + vae/ -> ldm/."""

from pathlib import Path
from typing import Annotated

import typer

from xrmri.config import TrainLdm

from .options import Common, output, setting, with_common


@with_common
def train_ldm(
    common: Common,
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder from build-dataset.")],
    vae: Annotated[Path, typer.Argument(metavar="VAE", help="Folder from train-vae.")],
    out: Annotated[Path, output("ldm", "Folder of the model.")] = Path("ldm"),
    init: Annotated[Path | None, typer.Option(help="Start from a folder of train-ldm, or a Zero-1-to-3 .ckpt.")] = None,
    init_partial: Annotated[bool | None, setting(TrainLdm, "init_partial", "--init-partial")] = None,
    anchor_dataset: Annotated[
        Path | None, typer.Option(help="Dataset that the anchor learns from, where it is another: more people.")
    ] = None,
    films: Annotated[
        Path | None, typer.Option(help="Folder from detect-knee whose knees teach the anchor's reader beforehand.")
    ] = None,
    film_table: Annotated[Path | None, typer.Option(help="CSV with a line for each of them: name, numbers.")] = None,
    latents: Annotated[
        Path | None, typer.Option(help="Keep latents of slices here, for several trainings (default: in the output).")
    ] = None,
    method: Annotated[str | None, setting(TrainLdm, "method")] = None,
    max_steps: Annotated[int | None, setting(TrainLdm, "max_steps")] = None,
    batch_size: Annotated[int | None, setting(TrainLdm, "batch_size")] = None,
    learning_rate: Annotated[float | None, setting(TrainLdm, "learning_rate")] = None,
    precision: Annotated[str | None, setting(TrainLdm, "precision")] = None,
    time_limit: Annotated[float | None, setting(TrainLdm, "time_limit_minutes", "--time-limit")] = None,
) -> None:
    """Train the denoiser that draws a slice for a radiograph, a depth and the radiographic features.

    To resume, run the same command again. A file named STOP in the output folder stops it after the next step.
    """
    config = common.settings(
        TrainLdm,
        method=method,
        init_partial=init_partial,
        max_steps=max_steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        time_limit_minutes=time_limit,
    )
    from xrmri.stages import train_ldm as stage

    folders = {"anchor_dataset": anchor_dataset, "films": films, "film_table": film_table, "latents": latents}
    common.conclude(stage.run(dataset, vae, out, config, execution=common.execution(), init=init, **folders))
