"""`xrmri build-dataset`: a release -> dataset/."""

from pathlib import Path
from typing import Annotated

import typer

from xrmri.config import BuildDataset, DetectKnee

from .options import Common, output, setting, with_common


@with_common
def build_dataset(
    common: Common,
    release: Annotated[
        Path | None,
        typer.Argument(
            metavar="OAI",
            help="Root of the release on disk; with --verify or --merge, the dataset. Not with --manifest.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, output("dataset", "Folder of the dataset.")] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Your own table of knees in place of a release: docs/own-cohort.md."),
    ] = None,
    manifest_template: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Write an empty table with a remark for each column, and stop.")
    ] = None,
    knees: Annotated[Path | None, typer.Option(help="Folder from detect-knee; default: detect now.")] = None,
    series: Annotated[str | None, setting(BuildDataset, "series")] = None,
    sequence: Annotated[str | None, setting(BuildDataset, "sequence")] = None,
    slice_window: Annotated[str | None, setting(BuildDataset, "slice_window")] = None,
    plane: Annotated[str | None, setting(BuildDataset, "plane")] = None,
    field_of_view_mm: Annotated[float | None, setting(BuildDataset, "field_of_view_mm")] = None,
    size: Annotated[int | None, setting(BuildDataset, "size")] = None,
    slices: Annotated[int | None, setting(BuildDataset, "slices")] = None,
    feature_set: Annotated[str | None, setting(BuildDataset, "feature_set")] = None,
    frame: Annotated[str | None, setting(BuildDataset, "frame")] = None,
    template: Annotated[
        Path | None, typer.Option(help="Dataset or model whose frame the knees are laid into (--frame knee).")
    ] = None,
    max_rejected: Annotated[float | None, setting(BuildDataset, "max_rejected")] = None,
    shards: Annotated[int | None, setting(BuildDataset, "shards")] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Build shard I of N alone (I from 0); default: SLURM_ARRAY_*, where set."),
    ] = None,
    figures: Annotated[bool, typer.Option("--figures", help="Also draw the release's sequences in figures/.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Make the dataset of shards built one by one.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read a dataset again and compare its checksums.")] = False,
) -> None:
    """Pair radiographs, MRI volumes and readings of each knee; split by participant.

    Knees are those of an OAI release, or of a table of your own (--manifest). A cluster builds shard by shard:
    --shard I/N for each I, then --merge.
    """
    config = common.settings(
        BuildDataset,
        size=size,
        series=series,
        sequence=sequence,
        slice_window=slice_window,
        plane=plane,
        field_of_view_mm=field_of_view_mm,
        slices=slices,
        frame=frame,
        feature_set=feature_set,
        max_rejected=max_rejected,
        shards=shards,
    )
    from xrmri.stages import build_dataset as stage

    if manifest_template:
        common.conclude(stage.write_template(manifest_template))
    elif merge:
        common.conclude(stage.merge(stage.folder_of(release, out), config))
    elif verify:
        common.conclude(stage.verify(stage.folder_of(release, out)))
    else:
        source, detection = stage.source_of(release, manifest), common.settings_of(DetectKnee)
        inputs = stage.BuildInputs(source=source, knees=knees, detection=detection, template=template)
        folder = out or stage.DEFAULT
        common.conclude(stage.build(inputs, folder, config, common.execution(), shard=shard, figures=figures))
