"""Disks that are full, cannot be written or lose an input for a while. Needs the right to mount; else it says so."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.world import LOST, SILENT, STAGES, Attempt, World, finish, judged, outputs, run, start
from xrmri.storage.files import sha256


def may_mount(folder: Path) -> bool:
    """Whether this user may mount a disk in memory."""
    folder.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
        return False
    subprocess.run(["umount", folder], check=True)
    return True


@contextmanager
def disk(folder: Path, size_bytes: int, options: str = "rw") -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    size_bytes = max(size_bytes, 4096)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes},{options}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def full(world: World) -> Iterator[Attempt]:
    """-o on a disk with 2 to 95 % of the room that the stage needs, then room is made."""
    for stage in ("volumes",) if world.short else STAGES:
        needed = sum(file.stat().st_size for file in (world.chain / stage).rglob("*") if file.is_file())
        for share in world.rng.uniform(0.02, 0.95, world.tries):
            with world.place() as folder, disk(folder / "out", int(needed * share)):
                ended = run(world.command(stage), folder)
                what = f"{stage}, {share:.0%} of {needed / 1e6:.1f} MB"
                cut = _cut(world, stage, folder / "out")
                if cut:
                    yield Attempt("full disk", what, SILENT, f"{cut} is cut")
                    continue
                if ended.code == 2 and "needed" not in ended.err:
                    yield Attempt("full disk", what, "untold", f"does not say how much: {ended.err.strip()[:120]}")
                    continue
                subprocess.run(["mount", "-o", "remount,size=4g", folder / "out"], check=True)
                yield judged("full disk", what, ended, world.goes_on(stage, folder))


def read_only(world: World) -> Iterator[Attempt]:
    """-o on a disk that cannot be written."""
    for stage in ("volumes",) if world.short else STAGES:
        with world.place() as folder, disk(folder / "out", 2**20, "ro"):
            ended = run(world.command(stage), folder)
            later = "ended with 0 on a disk that cannot be written" if ended.code == 0 else ""
            yield judged("read-only disk", stage, ended, later)


def vanishing(world: World) -> Iterator[Attempt]:
    """An input that is moved away while a command reads it, and put back."""
    read = {"knees": "oai", "dataset": "oai", "vae": "dataset", "ldm": "dataset", "volumes": "dataset",
            "evaluation": "volumes"}  # fmt: skip
    for stage, name in list(read.items())[: 1 if world.short else None]:
        with world.place() as folder:
            process = start(world.command(stage), folder)
            time.sleep(float(world.rng.uniform(0.5, world.seconds[stage])))
            (folder / name).rename(folder / "away")
            ended = finish(process)
            (folder / "away").rename(folder / name)
            yield judged("vanishing input", f"{stage} without {name}", ended, world.goes_on(stage, folder))


def destroyed(world: World) -> Iterator[Attempt]:
    """Commands that are asked to write where somebody else's files lie."""
    for stage in ("volumes",) if world.short else STAGES:
        for force in ([], ["--force"]):
            with world.place() as folder:
                (folder / "out").mkdir()
                for name in ("mine.png", "summary.json", "config.json", "rejected.csv", "knees.h5"):
                    (folder / "out" / name).write_text("mine")
                ended = run([*world.command(stage), *force], folder)
                kept = [file.read_text(encoding="utf-8") == "mine" for file in (folder / "out").iterdir()]
                later = "" if len(kept) == 5 and all(kept) else "files of somebody else are gone"
                attempt = judged("foreign files", f"{stage} {' '.join(force)}".strip(), ended, later)
                yield Attempt(attempt.kind, attempt.what, LOST, "it wrote there") if ended.code == 0 else attempt


def _cut(world: World, stage: str, out: Path) -> str:
    """The first output that is not what the whole run writes under its name."""
    wanted = outputs(world.chain / stage)
    for name, digest in wanted.items():
        if (out / name).is_file() and not name.endswith((".json", ".jsonl")) and sha256(out / name) != digest:
            return name
    return ""
