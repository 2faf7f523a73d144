"""`xrmri phantom`: nothing -> a synthetic OAI release."""

from pathlib import Path
from typing import Annotated

from xrmri.config import Phantom

from .options import Common, output, setting, with_common


@with_common
def phantom(
    common: Common,
    out: Annotated[Path, output("oai", "Folder of the release.")] = Path("oai"),
    participants: Annotated[int | None, setting(Phantom, "participants")] = None,
    matrix: Annotated[int | None, setting(Phantom, "matrix")] = None,
    labels: Annotated[bool | None, setting(Phantom, "labels", "--labels")] = None,
    scan: Annotated[int | None, setting(Phantom, "scan")] = None,
    twin: Annotated[int | None, setting(Phantom, "twin")] = None,
    release: Annotated[int | None, setting(Phantom, "release")] = None,
    left_flash: Annotated[float | None, setting(Phantom, "left_flash")] = None,
    figures: Annotated[bool | None, setting(Phantom, "figures", "--figures")] = None,
) -> None:
    """Draw a synthetic OAI release: films and FLASH series as DICOM, and the tables of readings.

    OAI itself is access-controlled; this cohort of parametric knees stands in for it.
    """
    config = common.settings(
        Phantom,
        participants=participants,
        matrix=matrix,
        labels=labels,
        scan=scan,
        twin=twin,
        release=release,
        left_flash=left_flash,
        figures=figures,
    )
    from xrmri.stages import phantom as stage

    common.conclude(stage.run(out, config, common.execution()))
