"""`xrmri train-vae`: dataset/ -> vae/."""

from pathlib import Path
from typing import Annotated

import typer

from xrmri.config import TrainVae

from .options import Common, output, setting, with_common


@with_common
def train_vae(
    common: Common,
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder from build-dataset.")],
    out: Annotated[Path, output("vae", "Folder of the autoencoder.")] = Path("vae"),
    init: Annotated[Path | None, typer.Option(help="Start from a folder of train-vae, or a Zero-1-to-3 .ckpt.")] = None,
    init_partial: Annotated[bool | None, setting(TrainVae, "init_partial", "--init-partial")] = None,
    max_steps: Annotated[int | None, setting(TrainVae, "max_steps")] = None,
    batch_size: Annotated[int | None, setting(TrainVae, "batch_size")] = None,
    learning_rate: Annotated[float | None, setting(TrainVae, "learning_rate")] = None,
    precision: Annotated[str | None, setting(TrainVae, "precision")] = None,
    time_limit: Annotated[float | None, setting(TrainVae, "time_limit_minutes", "--time-limit")] = None,
) -> None:
    """Train the autoencoder (E1 and D) that turns slices into latents and back.

    To resume, run the same command again. A file named STOP in the output folder stops it after the next step.
    """
    config = common.settings(
        TrainVae,
        init_partial=init_partial,
        max_steps=max_steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        time_limit_minutes=time_limit,
    )
    from xrmri.stages import train_vae as stage

    common.conclude(stage.run(dataset, out, config, common.execution(), init=init))
