"""`xrmri generate`: radiographs, or a dataset's -> synthetic volumes."""

from pathlib import Path
from typing import Annotated

import typer

from xrmri.config import DetectKnee, Generate

from .options import Common, setting, with_common


@with_common
def generate(
    common: Common,
    radiographs: Annotated[
        list[Path], typer.Argument(metavar="RADIOGRAPH", help="Joint crops or films; or one dataset folder.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A .nii.gz file or a folder. Default: NAME_mri.nii.gz here for one radiograph, volumes/ for several.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Grades as JSON, such as {"kl": 2, "V00XROSFM": 1}; also age, sex, bmi. Absent: not read.',
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=GRADE", help="A grade, or age, sex, bmi; wins over --features."),
    ] = None,
    side: Annotated[str | None, typer.Option(metavar="left|right", help="Which knee the radiograph shows.")] = None,
    both: Annotated[bool, typer.Option("--both", help="Draw both knees of each film.")] = False,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Take pictures as they are: no framing by the joint, no greys turned round.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="From train-ldm. Default: the demonstration model bundled here."),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Draw every grade of one reading, all else the same, and the difference."),
    ] = None,
    like: Annotated[
        Path | None, typer.Option(metavar="PATH", help="NIfTI file or DICOM folder whose voxel grid the volumes take.")
    ] = None,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Also a DICOM MR series in NAME_dicom/, marked synthetic in every file.")
    ] = False,
    labels: Annotated[
        bool, typer.Option("--labels", help="Also what each voxel is made of (bones, cartilage, fat ...), as a NIfTI.")
    ] = False,
    gif: Annotated[bool, typer.Option("--gif", help="Also an animated pass through the slices.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Also one offline page with a three-plane viewer.")] = False,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Of a dataset: volumes I, I + N, ... (I from 0). Default: SLURM_ARRAY_*."),
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="train|val|test", help="Of a dataset. Default test.")] = None,
    frame: Annotated[
        str | None,
        typer.Option(metavar="scanner|knee", help="Of a dataset in the knee's frame: scanner lays volumes back."),
    ] = None,
    num_slices: Annotated[int | None, setting(Generate, "num_slices")] = None,
    steps: Annotated[int | None, setting(Generate, "steps")] = None,
    sampler: Annotated[str | None, setting(Generate, "sampler")] = None,
    eta: Annotated[float | None, setting(Generate, "eta")] = None,
    guidance: Annotated[float | None, setting(Generate, "guidance")] = None,
    guidance_features: Annotated[float | None, setting(Generate, "guidance_features")] = None,
    noise: Annotated[str | None, setting(Generate, "noise")] = None,
    noise_length_mm: Annotated[float | None, setting(Generate, "noise_length_mm")] = None,
    samples: Annotated[int | None, setting(Generate, "samples")] = None,
    mean: Annotated[bool | None, setting(Generate, "mean", "--mean")] = None,
    precision: Annotated[str | None, setting(Generate, "precision")] = None,
) -> None:
    """Draw a synthetic MRI volume from a radiograph and what was read from it."""
    config = common.settings(
        Generate,
        num_slices=num_slices,
        steps=steps,
        sampler=sampler,
        eta=eta,
        guidance=guidance,
        guidance_features=guidance_features,
        noise=noise,
        noise_length_mm=noise_length_mm,
        samples=samples,
        mean=mean,
        precision=precision,
    )
    from xrmri.generation.inputs import GenerateInputs
    from xrmri.stages import generate as stage

    inputs = GenerateInputs(
        features=features,
        changed=tuple(set_ or ()),
        side=side,
        both=both,
        as_is=as_is,
        model=model,
        sweep=sweep,
        like=like,
        frame=frame,
        dicom=dicom,
        labels=labels,
        pictures=(".gif",) * gif + (".html",) * html,
        detection=common.settings_of(DetectKnee),
    )
    execution = common.execution()
    result = stage.run(
        radiographs, out, config=config, execution=execution, inputs=inputs, split=split, shard=shard
    )
    common.conclude(result)
