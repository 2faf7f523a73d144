"""What networks could do as they were trained: samples/step-0001000.png, and what a run that goes on lacks of them."""

import logging
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)


def picture_file(folder: Path, step: int) -> Path:
    """Where the picture of a step goes."""
    return folder / "samples" / f"step-{step:07d}.png"


def restore_pictures(folder: Path, step: int, every: int, draw: Callable[[Path], None]) -> None:
    """Draw the picture of a checkpoint's step again where it is gone, and tell which earlier ones are.

    Args:
        folder: of the run.
        step: that the checkpoint was taken after.
        every: steps between pictures; 0 draws none.
        draw: draws what the checkpoint's network can do; earlier networks are no longer kept.
    """
    due = range(every, step + 1, every) if every else ()
    gone = [one for one in due if not picture_file(folder, one).is_file()]
    if step in gone:
        draw(picture_file(folder, step))
    lost = [picture_file(folder, one) for one in gone if one != step]
    if lost:
        more = f" and {len(lost) - 1} more pictures are" if len(lost) > 1 else " is"
        why = "the network of that step is no longer kept, only training anew draws it (--force)"
        log.warning("%s%s lost: %s", lost[0], more, why)
