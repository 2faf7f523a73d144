"""The run folder of a training on several processes: the first one writes there, and all agree whether it is done."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from xrmri.config import Execution, Training
from xrmri.errors import EndedByFirst, InputError, XrmriError
from xrmri.runs.folder import Run, begin

_LOST = ("Connection closed by peer", "Connection reset by peer")
"""What gloo says where the process that it waits for has gone."""


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
        A context that gives the run on the first process and None on the others; None where all is done already.

    Raises:
        InputError, InconsistentError: as `begin`, on the first process; EndedByFirst on the others.
    """
    run, refusal = None, None
    if accelerator.is_main_process:
        try:
            run = begin(out, config, inputs, force=execution.force, reads=reads, needed_bytes=needed_bytes)
        except (XrmriError, OSError) as error:
            refusal = error
    exit_code = refusal.exit_code if isinstance(refusal, XrmriError) else XrmriError.exit_code
    verdict = [(run is not None, str(refusal or ""), exit_code)]
    goes_on, why, exit_code = broadcast_object_list(verdict)[0]
    if refusal:
        raise refusal
    if why:
        raise EndedByFirst(why, exit_code)
    return _among_others(run, accelerator.num_processes) if goes_on else None


@contextmanager
def _among_others(run: Run | None, processes: int) -> Iterator[Run | None]:
    """The run, on the process that has it; where another process has gone, one line says so."""
    try:
        with run or nullcontext():
            yield run
    except RuntimeError as error:
        if processes > 1 and any(words in str(error) for words in _LOST):
            message = "another process of this training has ended, and says why; the same command goes on"
            raise InputError(message) from error
        raise
