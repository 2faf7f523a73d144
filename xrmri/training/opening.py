"""The run folder of a training on several processes: the first one writes there, and all agree whether it is done."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from accelerate import Accelerator

from xrmri.config import Execution, Training
from xrmri.run import Run, begin


def open_run(
    accelerator: Accelerator, out: Path, config: Training, inputs: Mapping[str, str], execution: Execution
) -> AbstractContextManager[Run | None] | None:
    """Open a run folder for all processes.

    Returns:
        The run on the first process, an empty context on the others; None where all is done already.
    """
    main = accelerator.is_main_process
    with accelerator.main_process_first():
        run = begin(out, config, inputs, force=execution.force and main)
        if run and main:
            run.write()  # the others then find the folder of this very run, not a strange one
    if run is None:
        return None
    return run if main else nullcontext()
