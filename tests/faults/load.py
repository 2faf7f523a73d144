"""Much at once, and much in all: parallel calls, and a large release with memory and open files over time."""

import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.world import LOST, SURVIVED, UNTOLD, Attempt, World, children, finish, is_told, last_line, start
from xrmri.storage.files import sha256

PARALLEL = 20
GROWTH = 1.2
"""How much more memory the last quarter of a long run may take than the second: there is some noise (choice)."""


def parallel(world: World) -> Iterator[Attempt]:
    """Generate calls at once in one folder, two of each volume: one draws it, the other may be refused meanwhile."""
    count = 4 if world.short else PARALLEL
    with world.place() as folder:
        crop = next((world.chain / "knees").glob("*.png"))
        shared = ["--model", "ldm", "--preset", "tiny", "-q", "--no-progress", "--workers", "1"]
        calls = [
            start(["generate", str(crop), "-o", f"v{number // 2}.nii.gz", "--seed", str(number // 2), *shared], folder)
            for number in range(count)
        ]
        for number, call in enumerate(calls):
            ended = finish(call)
            refused = is_told(ended) and f"v{number // 2} is being worked on by process" in ended.err
            note = "" if ended.code == 0 or refused else f"{ended.code}: {last_line(ended.err)}"
            yield Attempt("parallel generate", f"call {number}", UNTOLD if note else SURVIVED, note)
        whole = {sha256(folder / f"v{number}.nii.gz") for number in range(count // 2)}
        left = sorted(file.name for file in folder.glob("*.partial*"))
        note = f"{len(whole)} volumes, left {left}" if len(whole) < count // 2 or left else ""
        yield Attempt("parallel generate", "all volumes", LOST if note else SURVIVED, note)


def release(world: World, participants: int) -> Iterator[Attempt]:
    """A release of many participants drawn and built, watched for memory and open files."""
    with world.place() as folder:
        (folder / "draw.toml").write_text("other_sequences = false\nmatrix = 32\n")
        (folder / "build.toml").write_text("size = 32\n")
        draw = ["phantom", "-o", "many", "--participants", str(participants), "--config", "draw.toml"]
        build = ["build-dataset", "many", "-o", "built", "--config", "build.toml", "--max-rejected", "1"]
        for command in (draw, build):
            process = start([*command, "--workers", "2", "-q", "--no-progress"], folder)
            memory, handles = _watched(process)
            ended = finish(process)
            what = f"{command[0]}, {participants} participants, {max(memory) / 2**20:.0f} MiB at most"
            if ended.code != 0:
                yield Attempt("large release", what, UNTOLD, f"{ended.code}: {last_line(ended.err)}")
                return
            quarter = max(1, len(memory) // 4)
            early, late = max(memory[quarter : 2 * quarter] or memory), max(memory[-quarter:])
            grown = f"memory grows from {early / 2**20:.0f} to {late / 2**20:.0f} MiB" if late > GROWTH * early else ""
            grown = grown or (f"{max(handles)} open files" if max(handles) > 100 else "")
            yield Attempt("large release", what, UNTOLD if grown else SURVIVED, grown)


def _watched(process) -> tuple[list[int], list[int]]:
    """Resident bytes of a process with its workers, and open files of itself, every half a second until it ends."""
    memory, handles = [0], [0]
    while process.poll() is None:
        try:
            pids = [process.pid, *children(process.pid)]
            memory.append(sum(_resident_bytes(pid) for pid in pids))
            handles.append(len(list(Path(f"/proc/{process.pid}/fd").iterdir())))
        except OSError:
            pass
        time.sleep(0.5)
    return memory, handles


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]) * 4096
