"""What tests share: the real command in this process, and one tiny chain of all seven commands, made once."""

import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# The networks of the tests are so small that two threads wait for each other longer than they work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

TINY = ["--preset", "tiny", "--device", "cpu", "--workers", "2", "--no-progress"]


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


@pytest.fixture(scope="session")
def chain(tmp_path_factory) -> Chain:
    """phantom -> detect-knee -> build-dataset -> train-vae -> train-ldm -> generate -> evaluate, on the tiny preset."""
    from xrmri.cli.main import main

    root = tmp_path_factory.mktemp("chain")
    commands = [
        ["phantom", "-o", "oai"],
        ["detect-knee", "oai", "-o", "knees"],
        ["build-dataset", "oai", "--knees", "knees", "-o", "dataset"],
        ["train-vae", "dataset", "-o", "vae"],
        ["train-ldm", "dataset", "vae", "-o", "ldm"],
        ["generate", "dataset", "--model", "ldm", "-o", "volumes"],
        ["evaluate", "volumes", "dataset", "-o", "evaluation"],
    ]
    before, argv = Path.cwd(), sys.argv
    os.chdir(root)
    try:
        for command in commands:
            sys.argv = ["xrmri", *command, *TINY]
            try:
                main()
            except SystemExit as ended:
                assert not ended.code, f"xrmri {' '.join(command)} ended with {ended.code}"
    finally:
        sys.argv = argv
        os.chdir(before)
        logging.getLogger("xrmri").handlers = []
    return Chain(root)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real radiographs and scans; tests that need it skip without it."""
    folder = os.environ.get("XRMRI_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("XRMRI_REAL_DATA names no folder of real data")
    return Path(folder)
