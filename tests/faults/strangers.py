"""What must not come in or go out: planted identity, and any use of a network."""

import subprocess
import sys
from collections.abc import Iterator

import pydicom

from tests.faults.world import LET_IN, SURVIVED, UNTOLD, Attempt, World, last_line, run

PLANTED = "Zzyzx-4711"
PRIVATE = 0x00991010


def identity(world: World) -> Iterator[Attempt]:
    """A name in every tag that may hold one, of every file of a release; looked for in all that comes of it."""
    with world.place(own="oai") as folder:
        (folder / "oai" / "run.json").unlink()  # it would say that the files are no longer what was drawn
        tags = ("PatientName", "PatientAddress", "OtherPatientIDs", "InstitutionName", "ReferringPhysicianName",
                "ImageComments", "StudyComments", "PatientComments")  # fmt: skip
        for file in sorted((folder / "oai").rglob("[0-9][0-9][0-9]")):
            dataset = pydicom.dcmread(file)
            for tag in tags:
                setattr(dataset, tag, PLANTED)
            dataset.add_new(PRIVATE & 0xFFFF0000 | 0x0010, "LO", PLANTED)
            dataset.add_new(PRIVATE, "LO", PLANTED)
            dataset.save_as(file)
        for command in (["detect-knee", "oai", "-o", "k"], ["build-dataset", "oai", "--knees", "k", "-o", "d"],
                        ["generate", "d", "--model", "ldm", "-o", "v"]):  # fmt: skip
            ended = run([*command, "--preset", "tiny", "-q", "--no-progress"], folder)
            out = folder / command[-1]
            if ended.code != 0:
                yield Attempt("planted identity", command[0], UNTOLD, last_line(ended.err))
                return
            for file in sorted(file for file in out.rglob("*") if file.is_file()):
                found = PLANTED.encode() in file.read_bytes()
                note = "holds the planted name" if found else ""
                yield Attempt("planted identity", f"{command[0]}: {file.name}", LET_IN if found else SURVIVED, note)


def network(world: World) -> Iterator[Attempt]:
    """Every command that loads a model, in a namespace that has no network at all."""
    for stage in ("volumes",) if world.short else ("knees", "dataset", "vae", "ldm", "volumes", "evaluation"):
        with world.place() as folder:
            command = ["unshare", "-n", sys.executable, "-m", "xrmri", *world.command(stage)]
            done = subprocess.run(command, cwd=folder, env=None, capture_output=True, text=True, check=False)
            note = "" if done.returncode == 0 else f"{done.returncode}: {last_line(done.stderr)}"
            yield Attempt("no network", stage, UNTOLD if note else SURVIVED, note)


def may_unshare() -> bool:
    """Whether this user may make a namespace without a network."""
    return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
