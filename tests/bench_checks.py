"""What comparing hashes costs: user CPU seconds in file hashes, as a share of the whole command, imports included.

    python tests/bench_checks.py OAI KNEES

OAI is a release, KNEES a folder of detect-knee of it. Seconds of the processor do not depend on who else uses the
machine. Hashes of the acquired files, which the index lists, are work and no check: workers make them.
"""

import hashlib
import os
import sys
import tempfile
import time
from contextlib import suppress
from multiprocessing.forkserver import _forkserver
from pathlib import Path

from xrmri.cli.main import main as xrmri

SAMPLE = Path(__file__).parents[1] / "xrmri" / "samples" / "knee.png"


def shares(arguments: list[str]) -> tuple[float, float]:
    """Seconds in hashes of files, and in all, of one command in this process and its workers."""
    spent, plain = 0.0, hashlib.file_digest

    def timed(*given: object) -> object:
        nonlocal spent
        began = time.process_time()
        found = plain(*given)
        spent += time.process_time() - began
        return found

    hashlib.file_digest = timed
    sys.argv = ["xrmri", *arguments]
    with suppress(SystemExit):
        xrmri()
    _forkserver._stop()  # its time counts once it is waited for
    used = os.times()
    return spent, used.user + used.children_user


def in_a_process(arguments: list[str]) -> None:
    """Measure a command in a process of its own, and print."""
    pid = os.fork()
    if pid == 0:
        hashed, whole = shares(arguments)
        print(f"{arguments[0]}: {hashed:.3f} of {whole:.2f} user CPU s in hashes, {hashed / whole:.2%}", flush=True)
        os._exit(0)
    os.waitpid(pid, 0)


def main() -> None:
    """The command line."""
    oai, knees = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        of_all = ["--workers", "1", "-q", "--no-progress"]
        in_a_process(["build-dataset", oai, "--knees", knees, "-o", f"{scratch}/dataset", "--preset", "tiny", *of_all])
        in_a_process(["generate", str(SAMPLE), "-o", f"{scratch}/knee.nii.gz", "--device", "cpu", *of_all])


if __name__ == "__main__":
    main()
