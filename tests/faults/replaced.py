"""Artefacts in whose place something else lies: nothing, a part, a folder, a pipe, a device, the file of another."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.faults.contents import NEXT, is_read, read_on
from tests.faults.world import STAGES, SURVIVED, Attempt, Ended, World, outputs, run, told_or_silent

LIMIT_S = 300
"""More than any of these commands takes on a busy machine: what is still at work then waits for a pipe."""
REPLACEMENTS: dict[str, Callable[[Path, Path], object]] = {
    "nothing": lambda file, other: None,
    "an empty file": lambda file, other: file.touch(),
    "its first half": lambda file, other: file.write_bytes(other.read_bytes()[: other.stat().st_size // 2]),
    "a folder": lambda file, other: file.mkdir(),
    "a pipe": lambda file, other: os.mkfifo(file),
    "a device": lambda file, other: file.symlink_to("/dev/zero"),
    "a link to itself": lambda file, other: file.symlink_to(file),
    "another's": lambda file, other: shutil.copyfile(_cousin(other), file),
}
"""What is put in place of a file that was taken away; it is given where the file lay and where a whole one lies."""


def replaced(world: World) -> Iterator[Attempt]:
    """Two replacements of each kind of artefact: the same command and the one that reads it tell it, or do without."""
    for stage in ("vae",) if world.short else STAGES:
        with world.place() as folder:
            wanted = _read(stage, folder)[1] if stage in NEXT else {}
        for name in ["run.json"] if world.short else ["run.json", *world.artefacts(stage)]:
            for what in world.rng.choice(list(REPLACEMENTS), 1 if world.short else 2, replace=False):
                yield from _tried(world, stage, name, what=str(what), wanted=wanted)


def _read(stage: str, folder: Path) -> tuple[Ended, dict[str, str]]:
    """How the next command ended, and the hashes of what it wrote, but for what tells of its inputs."""
    ended = read_on(stage, folder, LIMIT_S)
    found = outputs(folder / "next") if ended.code == 0 else {}
    return ended, {name: digest for name, digest in found.items() if not name.endswith((".json", ".md"))}


def _tried(world: World, stage: str, name: str, *, what: str, wanted: Mapping[str, str]) -> Iterator[Attempt]:
    with world.place(own=stage) as folder:
        (folder / stage / name).unlink()
        REPLACEMENTS[what](folder / stage / name, world.chain / stage / name)
        if is_read(stage, name):
            ended, found = _read(stage, folder)
            verdict = (SURVIVED, "") if found and found == wanted else told_or_silent(ended)  # nothing needs a record
            yield Attempt("replaced, next command", f"{stage}/{name}: {what}", *verdict)
        ended = run(world.command(stage, stage), folder, LIMIT_S)
        same = ended.code == 0 and outputs(folder / stage) == outputs(world.chain / stage)
        verdict = (SURVIVED, "") if same else told_or_silent(ended)
        yield Attempt("replaced, same command", f"{stage}/{name}: {what}", *verdict)


def _cousin(file: Path) -> Path:
    """Another file of the same kind: beside it, or of another stage."""
    near = [one for one in sorted(file.parent.glob(f"*{file.suffix}")) if one != file]
    far = [one for one in sorted(file.parents[1].glob(f"*/*{file.suffix}")) if one != file]
    return (near + far + [folder / "run.json" for folder in file.parents if (folder / "run.json").is_file()])[0]
