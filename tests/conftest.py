"""What tests share: the real command in this process, and one tiny chain of all seven commands, made once."""

import fcntl
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.forked import processes_for
from xrmri.machine import parallel

# The networks of the tests are so small that two threads wait for each other longer than they work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY = ["--preset", "tiny", "--device", "cpu", "--workers", "1", "--no-progress"]


class Here:
    """In place of a pool of one process: what is given to it is done in this one, once its result is asked for."""

    def submit(self, work: Callable, item: object) -> SimpleNamespace:
        return SimpleNamespace(result=partial(work, item))

    def shutdown(self, **_: object) -> None:
        """Nothing was started."""


@pytest.fixture(scope="session", autouse=True)
def work_of_one_worker_is_done_here():
    """Tests that say two workers have real ones, which begin as copies of one process with all libraries."""
    start = parallel._executor

    def executor(count: int, work: Callable) -> AbstractContextManager:
        return nullcontext(Here()) if count == 1 else start(count, work)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parallel, "_executor", executor)
        patched.setattr(parallel, "_processes_for", processes_for)
        yield


NONE = "(?!)"
LOOKED_AT = {"test_figures.py": "", "test_build_dataset.py": r"\.png", "test_phantom.py": r"\.png",
             "test_reproduce.py": r"(fig4|fig5|fig6|table|sequences).*\.png"}  # fmt: skip
"""Which figures tests look at, by name; for all others matplotlib would draw them for a sixth of the tests' time."""
NOW = SimpleNamespace(looked_at=NONE)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say which figures of this test are drawn, before its fixtures draw any."""
    NOW.looked_at = LOOKED_AT.get(item.path.name, NONE)


@pytest.fixture(scope="session", autouse=True)
def figures_that_nobody_looks_at_are_one_grey_pixel():
    """A report's figures take seconds; what they show is held by the tests that look at them."""
    from matplotlib.figure import Figure
    from PIL import Image

    draw = Figure.savefig

    def savefig(figure: Figure, file: Path, **options: object) -> None:
        if re.search(NOW.looked_at, Path(file).name):
            draw(figure, file, **options)
        elif Path(file).suffix == ".pdf":
            Path(file).write_bytes(b"%PDF-1.4")
        else:
            Image.new("L", (1, 1), 128).save(file)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Figure, "savefig", savefig)
        yield


LONGEST = ("test_reproduce.py", "test_signals.py", "test_two_processes.py", "test_gpu_model.py", "test_anchor.py",
           "test_lacking.py", "test_frame.py", "test_phantom.py", "test_other_grids.py", "test_draw_cohort.py",
           "test_sampler_fit.py", "test_launch_lines.py", "test_labels.py")  # fmt: skip
"""Files that begin first: one that began last would be waited for by all other processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; all else stays as it is."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict:
        """The JSON document on stdout."""
        return json.loads(self.out)


@pytest.fixture
def xrmri(capfd, monkeypatch):
    """Call `xrmri ARGUMENTS` as a person does, in this process."""

    def call(*arguments: object) -> Outcome:
        from xrmri.cli.main import main

        monkeypatch.setattr(sys, "argv", ["xrmri", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        logging.getLogger("xrmri").handlers = []  # they hold this test's stderr
        said = capfd.readouterr()
        return Outcome(code=int(ended.value.code or 0), out=said.out, err=said.err)

    return call


@dataclass(frozen=True)
class Chain:
    """The folders of one walk through all seven commands."""

    root: Path

    def __getattr__(self, stage: str) -> Path:
        return self.root / stage


COMMANDS = [
    ["phantom", "-o", "oai"],
    ["detect-knee", "oai", "-o", "knees"],
    ["build-dataset", "oai", "--knees", "knees", "-o", "dataset"],
    ["train-vae", "dataset", "-o", "vae"],
    ["train-ldm", "dataset", "vae", "-o", "ldm"],
    ["generate", "dataset", "--model", "ldm", "-o", "volumes"],
    ["evaluate", "volumes", "dataset", "-o", "evaluation"],
]


@contextmanager
def once(mark: Path) -> Iterator[bool]:
    """Whether something is still to be made; the other processes of this run wait, and find it made."""
    with mark.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not mark.exists()
        mark.touch()


def walk(root: Path) -> None:
    """All seven commands on the tiny preset, two workers each."""
    from xrmri.cli.main import main

    before, argv = Path.cwd(), sys.argv
    root.mkdir(exist_ok=True)
    os.chdir(root)
    try:
        for command in COMMANDS:
            sys.argv = ["xrmri", *command, *TINY, "--workers", "2"]
            try:
                main()
            except SystemExit as ended:
                assert not ended.code, f"xrmri {' '.join(command)} ended with {ended.code}"
    finally:
        sys.argv = argv
        os.chdir(before)
        logging.getLogger("xrmri").handlers = []


@pytest.fixture(scope="session")
def chain(tmp_path_factory) -> Chain:
    """phantom -> detect-knee -> build-dataset -> train-vae -> train-ldm -> generate -> evaluate, on the tiny preset.

    One for all processes of a run: nobody may change it.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with once(folder / "chain.made") as missing:
        if missing:
            walk(folder / "chain")
    return Chain(folder / "chain")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real radiographs and scans; tests that need it skip without it."""
    folder = os.environ.get("XRMRI_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("XRMRI_REAL_DATA names no folder of real data")
    return Path(folder)
