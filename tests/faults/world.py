"""What the trials share: a tiny chain of all commands, a way to run one of them, and a verdict on how it ended."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.forked import in_a_copy

ROOT = Path(__file__).parents[2]
SURVIVED, LOST, SILENT, LET_IN, UNTOLD = VERDICTS = ("survived", "lost", "silent", "let in", "untold")
"""Nothing happened, or it was told and the same command went on; work or a file is gone for good; another result and
nothing was said; a stranger's file did something; a traceback, several lines, no word, or no end."""
TINY = ("--preset", "tiny", "--device", "cpu", "--workers", "2", "--no-progress", "-q")
STAGES: dict[str, tuple[str, ...]] = {
    "oai": ("phantom",),
    "knees": ("detect-knee", "oai"),
    "dataset": ("build-dataset", "oai", "--knees", "knees"),
    "vae": ("train-vae", "dataset"),
    "ldm": ("train-ldm", "dataset", "vae"),
    "volumes": ("generate", "dataset", "--model", "ldm"),
    "evaluation": ("evaluate", "volumes", "dataset"),
}
"""Folder of a stage -> its command, but for -o and the options of all."""
TIMED = ("metrics.jsonl",)
"""Outputs that tell how fast the machine was."""
TOLD = (2, 3, 4, 75)
DIGITS = re.compile(r"\d+")
"""In names of folders, which number what they hold: the series of a release are of one kind."""


@dataclass(frozen=True)
class Attempt:
    """One thing that was tried."""

    kind: str
    what: str
    verdict: str
    note: str = ""


@dataclass(frozen=True)
class Ended:
    """How a command ended; code None where it had to be stopped."""

    code: int | None
    err: str


@dataclass(frozen=True)
class World:
    """Where trials happen, and what they may use of the machine."""

    root: Path
    """Of everything that is written."""
    chain: Path
    """A folder for each stage, finished."""
    seconds: Mapping[str, float]
    """How long each stage took."""
    rng: np.random.Generator
    short: bool
    """One of each kind."""
    tries: int
    """Of what is tried at random moments and sizes, for each stage."""

    def command(self, stage: str, out: str = "out") -> list[str]:
        return [*STAGES[stage], "-o", out, *TINY]

    @contextmanager
    def place(self, own: str = "") -> Iterator[Path]:
        """An empty folder with links to the finished stages, where a command is run; removed afterwards.

        A stage that is its `own` is a copy, which may be damaged.
        """
        folder = self.root / f"try-{self.rng.integers(10**12)}"
        folder.mkdir()
        for stage in STAGES:
            if stage == own:
                shutil.copytree(self.chain / stage, folder / stage)
            else:
                (folder / stage).symlink_to(self.chain / stage)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def artefacts(self, stage: str) -> list[str]:
        """One output of each kind of a finished stage."""
        record = json.loads((self.chain / stage / "run.json").read_bytes())
        by_kind = {(Path(name).suffix, DIGITS.sub("", Path(name).parent.name)): name for name in record["outputs"]}
        return sorted(by_kind.values())

    def goes_on(self, stage: str, folder: Path) -> str:
        """Empty where the same command finishes with the bytes of a run that nothing befell; else what happened."""
        again = run(self.command(stage), folder)
        if again.code != 0:
            return f"the same command again ended with {again.code}: {last_line(again.err)}"
        found, wanted = outputs(folder / "out"), outputs(self.chain / stage)
        odd = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        return f"{len(odd)} files differ, the first {odd[0]}" if odd else ""


def outputs(folder: Path) -> dict[str, str]:
    """What a finished run vouches for, but for what tells the time."""
    record = json.loads((folder / "run.json").read_bytes())
    named = record.get("outputs", {}) if record["status"] == "finished" else {}
    return {name: digest for name, digest in named.items() if name not in TIMED}


def start(command: list[str], folder: Path, **kwargs: object) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-m", "xrmri", *command]
    return subprocess.Popen(
        program, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **kwargs
    )  # type: ignore[call-overload]


def finish(process: subprocess.Popen, limit_s: float = 900) -> Ended:
    try:
        err = process.communicate(timeout=limit_s)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Ended(code=None, err="")
    return Ended(code=process.returncode, err=err)


def run(command: list[str], folder: Path, limit_s: float = 900) -> Ended:
    """A command from its start to its end, by a copy of a process that has imported all, which takes longest."""
    return Ended(*in_a_copy(command, folder, limit_s))


def is_told(ended: Ended) -> bool:
    """Whether a command that failed said so in one line of its own, or in none where its launcher spoke."""
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    return ended.code in TOLD and len(lines) == 1 and lines[0].startswith("xrmri: ")


def told_or_silent(ended: Ended) -> tuple[str, str]:
    """Verdict and note on a command that was given what is no longer what it was: it must say so."""
    if is_told(ended):
        return SURVIVED, ""
    return SILENT if ended.code == 0 else UNTOLD, f"{ended.code}: {last_line(ended.err)}"


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no word"])[-1][:160]


def judged(kind: str, what: str, ended: Ended, later: str) -> Attempt:
    """The verdict on a command that may have been stopped and was then given again."""
    if ended.code != 0 and not is_told(ended):
        return Attempt(kind, what, UNTOLD, f"ended with {ended.code}: {last_line(ended.err)}")
    return Attempt(kind, what, LOST if later else SURVIVED, later)


def children(pid: int) -> list[int]:
    """Processes that one has started, itself or by others, and that are at work; those that started others first."""
    started: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = file.read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            started.setdefault(int(parent), []).append(int(file.parent.name))
    found = [pid]
    for one in found:  # grows meanwhile
        found += sorted(started.get(one, []))
    return found[1:]


def all_gone(pids: list[int], limit_s: float = 10) -> bool:
    """Whether processes end in time."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}/stat").exists() and " Z " not in _stat(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def _stat(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return " Z "


def make_chain(folder: Path) -> dict[str, float]:
    """Walk all commands; returns how long each took."""
    seconds = {}
    folder.mkdir(parents=True, exist_ok=True)
    for stage, command in STAGES.items():
        began = time.monotonic()
        ended = run([*command, "-o", stage, *TINY], folder)
        if ended.code != 0:
            raise SystemExit(f"the chain ends at {stage}: {ended.err}")
        seconds[stage] = time.monotonic() - began
    return seconds
