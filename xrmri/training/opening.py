"""The run folder of a training on several processes: the first one writes there, and all agree whether it is done."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from accelerate import Accelerator

from xrmri.config import Execution, Training
from xrmri.runs.folder import Run, begin, is_done


def open_run(
    accelerator: Accelerator,
    out: Path,
    config: Training,
    inputs: Mapping[str, str],
    *, execution: Execution,
    reads: Iterable[Path | None] = (),
    needed_bytes: int = 0,
) -> AbstractContextManager[Run | None] | None:
    """Open a run folder for all processes.

    Returns:
        The run on the first process, an empty context on the others; None where all is done already.
    """
    main = accelerator.is_main_process
    run = None
    with accelerator.main_process_first():
        if main:
            run = begin(out, config, inputs, force=execution.force, reads=reads, needed_bytes=needed_bytes)
            if run:
                run.write()  # the others then find the folder of this very run, not a strange one
        elif not is_done(out, config, inputs):
            return nullcontext()
    return run
