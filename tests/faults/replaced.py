"""Artefacts in whose place something else lies: nothing, a part, a folder, a pipe, a device, the file of another."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.contents import NEXT, UNREAD
from tests.faults.world import SILENT, STAGES, SURVIVED, UNTOLD, Attempt, Ended, World, is_told, last_line, run

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
    """Some replacements of each kind of artefact: the same command and the one that reads it tell it, or do without."""
    for stage in ("vae",) if world.short else STAGES:
        record = json.loads((world.chain / stage / "run.json").read_bytes())
        by_kind = {(Path(name).suffix, Path(name).parent.name): name for name in sorted(record["outputs"])}
        for name in ["run.json"] if world.short else ["run.json", *sorted(by_kind.values())]:
            for what in world.rng.choice(list(REPLACEMENTS), 1 if world.short else world.tries, replace=False):
                yield from _tried(world, stage, name, str(what))


def _tried(world: World, stage: str, name: str, what: str) -> Iterator[Attempt]:
    with world.place() as folder:
        (folder / stage).unlink()
        shutil.copytree(world.chain / stage, folder / stage)
        (folder / stage / name).unlink()
        REPLACEMENTS[what](folder / stage / name, world.chain / stage / name)
        if stage in NEXT and not name.endswith(UNREAD):
            (folder / "quick.toml").write_text("[evaluate]\nquick = true\n", encoding="utf-8")
            more = ["-o", "next", "--preset", "tiny", "--device", "cpu", "-q", "--no-progress"]
            ended = run([*NEXT[stage], *more], folder, LIMIT_S)
            yield Attempt("replaced, next command", f"{stage}/{name}: {what}", *_verdict(ended, may_pass=False))
        ended = run(world.command(stage, stage), folder, LIMIT_S)
        same = ended.code == 0 and world.outputs(folder / stage) == world.outputs(world.chain / stage)
        yield Attempt("replaced, same command", f"{stage}/{name}: {what}", *_verdict(ended, may_pass=same))


def _verdict(ended: Ended, *, may_pass: bool) -> tuple[str, str]:
    """Verdict and note on a command that read what had been replaced, or made it anew."""
    if is_told(ended) or (ended.code == 0 and may_pass):
        return SURVIVED, ""
    return SILENT if ended.code == 0 else UNTOLD, f"{ended.code}: {last_line(ended.err)}"


def _cousin(file: Path) -> Path:
    """Another file of the same kind: beside it, or of another stage."""
    near = [one for one in sorted(file.parent.glob(f"*{file.suffix}")) if one != file]
    far = [one for one in sorted(file.parents[1].glob(f"*/*{file.suffix}")) if one != file]
    return (near + far + [file.parent / "run.json"])[0]
