"""Files whose content is not what it was: a flipped bit in every artefact, and mutated files of every kind."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from tests.faults.readers import READERS, reads
from tests.faults.world import (
    ROOT,
    SILENT,
    STAGES,
    SURVIVED,
    UNTOLD,
    Attempt,
    Ended,
    World,
    is_told,
    last_line,
    run,
    told_or_silent,
)
from xrmri.errors import XrmriError

MOST_BYTES, MOST_S = 4 * 2**30, 20
"""What reading one damaged file may take; torch alone maps some of it."""
NEXT: dict[str, tuple[str, ...]] = {
    "knees": ("build-dataset", "oai", "--knees", "knees"),
    "dataset": ("train-vae", "dataset", "--max-steps", "1"),
    "vae": ("train-ldm", "dataset", "vae", "--max-steps", "1"),
    "ldm": ("generate", "dataset", "--model", "ldm"),
    "volumes": ("evaluate", "volumes", "dataset", "--config", "quick.toml"),
}
"""Folder of a stage -> the command that reads it."""
UNREAD = ("README.md", "rejected.csv", "metrics.jsonl", ".png", "init.csv")
"""Outputs for people, which no command reads."""
A_SHARDS_RECORD = "pairs-*.json"
"""Which build-dataset reads, to put shards together, and no other command."""


def flipped_bytes(world: World) -> Iterator[Attempt]:
    """One bit in each kind of artefact: the same command, and the one that reads it, must say which file it is."""
    for stage in ("vae",) if world.short else STAGES:
        names = world.artefacts(stage)
        for name in names[:1] if world.short else names:
            with world.place(own=stage) as folder:
                _flip(folder / stage / name, world.rng)
                ended = run(world.command(stage, stage), folder)
                found = ended.code == 3 and is_told(ended) and Path(name).name in ended.err
                verdict = SURVIVED if found else SILENT if ended.code == 0 else UNTOLD
                note = "" if found else f"{ended.code}: {last_line(ended.err)}"
                yield Attempt("flipped bit, same command", f"{stage}/{name}", verdict, note)
                if not world.short and is_read(stage, name):
                    ended = read_on(stage, folder)
                    yield Attempt("flipped bit, next command", f"{stage}/{name}", *told_or_silent(ended))


def is_read(stage: str, name: str) -> bool:
    """Whether the next command reads an artefact of a stage."""
    return stage in NEXT and not name.endswith(UNREAD) and not fnmatch(name, A_SHARDS_RECORD)


def read_on(stage: str, folder: Path, limit_s: float = 900) -> Ended:
    """The command that reads what a stage left."""
    (folder / "quick.toml").write_text("[evaluate]\nquick = true\n", encoding="utf-8")
    options = ["-o", "next", "--preset", "tiny", "--device", "cpu", "--workers", "1", "-q", "--no-progress"]
    return run([*NEXT[stage], *options], folder, limit_s)


def mutated(world: World) -> Iterator[Attempt]:
    """Files of every kind, mutated at random and read by their readers in one process each kind."""
    wanted = 300 if world.short else 2_400
    kinds = sorted(READERS)
    for kind in kinds:
        seed = int(world.rng.integers(2**31))
        program = [sys.executable, "-m", "tests.faults.contents", kind, str(world.chain), str(seed)]
        count = wanted // len(kinds) + 1
        folder = world.root / f"mutated-{kind.replace('/', '-')}"
        program += [str(count), str(folder)]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        yield from (Attempt("mutated file", f"{kind} {one['what']}", one["verdict"], one["note"]) for one in lines)
        if done.returncode:
            note = f"ended with {done.returncode} after {len(lines)} files: {last_line(done.stderr)}"
            yield Attempt("mutated file", kind, UNTOLD, note)


def _flip(file: Path, rng: np.random.Generator) -> None:
    content = bytearray(file.read_bytes())
    content[int(rng.integers(len(content) // 4, len(content)))] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)


def _mutation(content: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Some bytes changed, cut off, inserted, repeated or replaced by those of a number at its limit."""
    data, at = bytearray(content), int(rng.integers(max(1, len(content))))
    kind = int(rng.integers(6))
    if kind == 0:
        for place in rng.integers(0, len(data), int(rng.integers(1, 9))):
            data[place] ^= 1 << int(rng.integers(8))
        return "bits flipped", bytes(data)
    if kind == 1:
        return "cut off", bytes(data[:at])
    if kind == 2:
        return "bytes inserted", bytes(data[:at] + rng.bytes(int(rng.integers(1, 64))) + data[at:])
    if kind == 3:
        return "a part twice", bytes(data[:at] + data[at // 2 : at] + data[at:])
    if kind == 4:
        start = int(rng.integers(min(400, len(data))))
        data[start : start + 4] = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f")[at % 4]
        return "a limit in the header", bytes(data)
    words = (b"-1", b"NaN", b"null", b"[[[[", b'"', b"1e999", b"../../x", b"\x1b[2J", b"=1+1", b"99999999999999999999")
    return "a word put in", bytes(data[:at] + words[at % len(words)] + data[at + 1 :])


class _TooLongError(Exception):
    """Reading took longer than MOST_S."""


def _alarm(number: int, frame: object) -> None:
    raise _TooLongError


def read_mutants(kind: str, chain: Path, seed: int, count: int, folder: Path) -> Iterator[dict[str, str]]:
    """Mutate an example and read it, again and again: one verdict each."""
    rng = np.random.default_rng(seed)
    example, read = reads(chain)[kind]
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        what, content = _mutation(example.read_bytes(), rng)
        (folder / kind).write_bytes(content)
        signal.alarm(MOST_S)
        note, verdict = "", SURVIVED
        try:
            read(folder / kind)
        except XrmriError:  # told in one line, whatever a library put into it: the command line folds it
            pass
        except Exception as error:
            verdict, note = UNTOLD, f"{type(error).__name__}: {error}"[:160]
        signal.alarm(0)
        yield {"what": f"{number} of seed {seed}: {what}", "verdict": verdict, "note": note}


def main() -> None:
    """Read mutants of one kind in this process, with a limit on its memory."""
    kind, chain, seed, count, folder = sys.argv[1:]
    signal.signal(signal.SIGALRM, _alarm)
    reads(Path(chain))  # everything is imported before memory is limited
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES * 4, MOST_BYTES * 4))
    for told in read_mutants(kind, Path(chain), int(seed), int(count), Path(folder)):
        print(json.dumps(told), flush=True)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if used > MOST_BYTES:
        raise SystemExit(f"{used:,} bytes were used")


if __name__ == "__main__":
    main()
