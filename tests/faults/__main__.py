"""`make faults`: the program under kills, full disks, damaged files and strangers' files; writes docs/reliability.md.

    python -m tests.faults [--seed N] [--short] [--only KIND] [--participants N] [--out FILE]

Ends with 1 where anything was lost, silent, let in or untold.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tests.faults import contents, disks, load, replaced, stops, strangers
from tests.faults.world import ROOT, SURVIVED, VERDICTS, Attempt, World, make_chain

Trial = Callable[[World], Iterator[Attempt]]
HEAD = """# What was tried to break it

`make faults` kills, starves, damages and misuses every command on a tiny chain, with a seed, and writes this page.
*Survived*: nothing happened, or one line told what was wrong and the same command went on to the bytes of a run that
nothing befell. *Lost*: work or somebody's file was gone for good. *Silent*: another result, and no word. *Let in*: a
stranger's file did something. *Untold*: a traceback, several lines, no word or no end.
"""

MUTANTS = "## Small faults put into the code\n"


def trials(world: World, participants: int) -> tuple[dict[str, Trial], dict[str, str]]:
    """What there is to try, by name, and what this machine does not allow."""
    every: dict[str, Trial] = {
        "kills": stops.kills,
        "signals": stops.signals,
        "workers": stops.workers,
        "twice": stops.twice,
        "foreign": disks.destroyed,
        "vanishing": disks.vanishing,
        "flipped": contents.flipped_bytes,
        "replaced": replaced.replaced,
        "mutated": contents.mutated,
        "identity": strangers.identity,
        "parallel": load.parallel,
    }
    skipped = {}
    if disks.may_mount(world.root / "may-mount"):
        every |= {"full": disks.full, "read-only": disks.read_only}
    else:
        skipped["full and read-only disks"] = "nobody may mount here"
    if strangers.may_unshare():
        every["network"] = strangers.network
    else:
        skipped["no network"] = "nobody may make a namespace here"
    if not world.short:
        every["release"] = partial(load.release, participants=participants)
    return every, skipped


def page(attempts: list[Attempt], skipped: dict[str, str], seed: int, minutes: float) -> str:
    """docs/reliability.md."""
    kinds = dict.fromkeys(attempt.kind for attempt in attempts)
    lines = [HEAD, f"Seed {seed}, {len(attempts):,} attempts in {minutes:.0f} minutes.\n"]
    lines += [f"| kind | tried | {' | '.join(VERDICTS)} |", f"|---{'|---' * (len(VERDICTS) + 1)}|"]
    for kind in [*kinds, "all"]:
        counted = Counter(attempt.verdict for attempt in attempts if kind in (attempt.kind, "all"))
        cells = " | ".join(f"{counted[verdict]:,}" for verdict in VERDICTS)
        lines.append(f"| {kind} | {counted.total():,} | {cells} |")
    failed = [attempt for attempt in attempts if attempt.verdict != SURVIVED]
    lines += ["", "Not tried: " + "; ".join(f"{what} ({why})" for what, why in skipped.items()) + "."] * bool(skipped)
    lines += ["", "## What did not survive", ""] * bool(failed)
    lines += [f"- {one.kind}, {one.what}: {one.verdict} ({one.note})" for one in failed[:100]]
    return "\n".join(lines) + "\n"


def kept(file: Path) -> str:
    """What stands in the page of another program: `tests/mutants.py`."""
    _, head, rest = (file.read_text(encoding="utf-8") if file.is_file() else "").partition(MUTANTS)
    return f"\n{head}{rest}" if head else ""


def attempt_all(world: World, *, only: list[str], participants: int) -> tuple[list[Attempt], dict[str, str]]:
    """Try everything, or what is named, telling what does not survive as it happens."""
    every, skipped = trials(world, participants)
    found = []
    for name, trial in every.items():
        if only and name not in only:
            continue
        began = time.monotonic()
        own = []
        for attempt in trial(world):
            own.append(attempt)
            if attempt.verdict != SURVIVED:
                print(f"{attempt.verdict}: {attempt.kind}, {attempt.what} ({attempt.note})", flush=True)
        found += own
        print(f"{name}: {len(own)} tried in {time.monotonic() - began:.0f} s", flush=True)
    return found, skipped


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--short", action="store_true", help="one of each kind")
    parser.add_argument("--only", action="append", default=[], help="a kind of trial; repeatable")
    parser.add_argument("--participants", type=int, default=1000, help="of the large release")
    parser.add_argument("--tries", type=int, default=3, help="at random moments and sizes, for each stage")
    parser.add_argument("--chain", type=Path, help="a finished tiny chain; default: made first")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "reliability.md")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="xrmri-faults-") as scratch:
        root = Path(scratch)
        chain = given.chain.resolve() if given.chain else root / "chain"
        seconds = dict.fromkeys(stops.STAGES, 8.0) if given.chain else make_chain(chain)
        rng, tries = np.random.default_rng(given.seed), 1 if given.short else given.tries
        world = World(root=root, chain=chain, seconds=seconds, rng=rng, short=given.short, tries=tries)
        found, skipped = attempt_all(world, only=given.only, participants=given.participants)
    text = page(found, skipped, given.seed, (time.monotonic() - began) / 60)
    given.out.write_text(text + kept(given.out), encoding="utf-8")
    return int(any(attempt.verdict != SURVIVED for attempt in found))


if __name__ == "__main__":
    sys.exit(main())
