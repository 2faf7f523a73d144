"""`xrmri build-dataset`: a release -> dataset/."""

from pathlib import Path
from typing import Annotated

import typer

from xrmri.config import BuildDataset

from .options import Common, output, setting, with_common


@with_common
def build_dataset(
    common: Common,
    release: Annotated[Path, typer.Argument(metavar="OAI", help="Root of the release on disk.")],
    out: Annotated[Path, output("dataset", "Folder of the dataset.")] = Path("dataset"),
    knees: Annotated[Path | None, typer.Option(help="Folder from detect-knee; default: detect now.")] = None,
    size: Annotated[int | None, setting(BuildDataset, "size")] = None,
    slices: Annotated[int | None, setting(BuildDataset, "slices")] = None,
    feature_set: Annotated[str | None, setting(BuildDataset, "feature_set")] = None,
    max_rejected: Annotated[float | None, setting(BuildDataset, "max_rejected")] = None,
) -> None:
    """Pair radiographs, FLASH volumes and readings of each knee; split by participant."""
    config = common.settings(BuildDataset, size=size, slices=slices, feature_set=feature_set, max_rejected=max_rejected)
    from xrmri.stages import build_dataset as stage

    common.conclude(stage.run(release, out, config, common.execution(), knees=knees))
