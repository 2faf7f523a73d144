"""How fast a dataset is built, as ratios within one run on one machine: `python tests/bench_dataset.py [RELEASE]`.

The yardstick: SimpleITK's own series reader, which only reads. The floor: dcm2niix, where it is installed, which only
copies. Files are in the cache and one thread works, so the CPU seconds that are compared are those of the clock on a
machine with nothing else to do; medians of interleaved rounds. Ours is everything: read, order, resize, hash, compress;
the crops come from a knees folder. Workers are compared by the clock.
"""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xrmri.config import BuildDataset, Execution, Phantom
from xrmri.data.archive import contents
from xrmri.data.knees import Knee, write_knees
from xrmri.data.store import StoredPair, packed_pair
from xrmri.data.volume import intensity_window, read_series, windowed_slices
from xrmri.records import KneeBox
from xrmri.stages import build_dataset, phantom
from xrmri.stages.build_pair import Job, build_pair
from xrmri.stages.search_release import search

ROUNDS, COPIES = 7, 8
CONFIG = BuildDataset()


def cpu_seconds() -> float:
    """Of this process and those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def seconds(*works: Callable[[], object]) -> list[float]:
    """Median CPU time of each piece of work and its processes, in turns, after one round to warm up."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS + 1):
        for work, times in zip(works, taken, strict=True):
            start = cpu_seconds()
            work()
            times.append(cpu_seconds() - start)
    return [statistics.median(times[1:]) for times in taken]


def release(root: Path) -> Path:
    """Two synthetic participants of 80 x 512 x 512 and some copies of them, each under a number of its own."""
    phantom.run(root, Phantom(participants=2, matrix=512, other_sequences=False), Execution(workers=2))
    (root / "run.json").unlink()
    readings = next(root.rglob("kxr_sq_bu00.txt"))
    for folder in sorted((root / "00m").glob("*/9*")):
        for number in range(1, COPIES):
            name = f"9{int(folder.name) % 1_000_000 + number:06d}"
            for file in sorted(folder.rglob("[0-9][0-9][0-9]")):
                copy = folder.with_name(name) / file.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes().replace(folder.name.encode(), name.encode()))
            with readings.open("a") as table:
                table.write(f"{name}|1|15\r\n")
    return root


def knees(found: list[Path], folder: Path) -> Path:
    """Crops of all films, so that no detector is timed."""
    crop = np.random.default_rng(0).integers(0, 65536, (299, 299)).astype(np.uint16)
    folder.mkdir()
    write_knees(folder, (
        Knee(name=f"{number}_{side}", source="film", source_sha256=sha256(film.read_bytes()).hexdigest(),
             box=KneeBox(side=side, score=1.0, corners=(0.0, 0.0, 1.0, 1.0)), crop=crop, spacing_mm=None)
        for number, film in enumerate(found) for side in ("left", "right")
    ))  # fmt: skip
    return folder


def read_with_simpleitk(folder: Path) -> None:
    """A series as SimpleITK reads it."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    reader.Execute()


def pairs_a_second(root: Path, out: Path, crops: Path, workers: int) -> float:
    """Pairs a second of a whole build, once all workers are awake."""
    moments: list[float] = []

    def told(step: str, done: int, total: int, note: str = "") -> None:
        moments.append(time.perf_counter())

    build_dataset.run(root, out, CONFIG, Execution(workers=workers, force=True, progress=told), knees=crops)
    first = len(moments) // 4
    return (len(moments) - first) / (moments[-1] - moments[first - 1])


def peak_gib(root: Path, out: Path, crops: Path) -> float:
    """Memory of the largest worker of a build; to be called in a process that has had no other children."""
    pairs_a_second(root, out, crops, 1)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def main() -> None:
    """Measure and print."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(sys.argv[1]) if len(sys.argv) > 1 else release(Path(scratch) / "oai")
        found = search(root, CONFIG.slices)
        crops = knees([one.film.files()[0] for one in found.candidates], Path(scratch) / "knees")
        jobs = [Job(candidate=one, config=CONFIG, device="cpu", knees=crops) for one in found.candidates]
        one = found.candidates[0]
        files = one.flash.files()
        data = [content for file in files for _, content in contents(file)]
        series = read_series(files, one.side, CONFIG.slices)
        kept = windowed_slices(series, CONFIG.first_slice, CONFIG.last_slice, CONFIG.size)
        stored = StoredPair(pair_id=one.pair_id, mri=kept.voxels, radiograph=kept.voxels[0], grades={},
                            affine=kept.geometry.affine, window=(0.0, 1.0))  # fmt: skip
        build_pair(jobs[0])
        ours, theirs, read, resized, window, compressed, hashed = seconds(
            lambda: build_pair(jobs[0]),
            lambda: read_with_simpleitk(one.flash.path),
            lambda: read_series(files, one.side, CONFIG.slices),
            lambda: windowed_slices(series, CONFIG.first_slice, CONFIG.last_slice, CONFIG.size),
            lambda: intensity_window(kept.voxels),
            lambda: packed_pair(stored, CONFIG.feature_set),
            lambda: [sha256(content).digest() for content in data],
        )
        print(f"a pair from {len(files)} x {' x '.join(map(str, series.voxels[0].shape))}, medians of {ROUNDS}")
        print(f"SimpleITK reads the series   {theirs:7.3f} s")
        print(f"xrmri builds the pair        {ours:7.3f} s   {ours / theirs:.2f} x")
        if shutil.which("dcm2niix"):
            copy = ["dcm2niix", "-z", "n", "-b", "n", "-w", "1", "-o", scratch, str(one.flash.path)]
            (floor,) = seconds(lambda: subprocess.run(copy, check=True, capture_output=True))
            print(f"dcm2niix copies the series   {floor:7.3f} s   {floor / theirs:.2f} x")
        parts = {"read and decode": read - hashed, "compress": compressed, "hash": hashed, "resize": resized,
                 "window": window, "film, crop, mirror": ours - read - compressed - resized - window}  # fmt: skip
        print("of it: " + ", ".join(f"{name} {part / ours:.0%}" for name, part in parts.items()))
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(2):
            for workers, rate in rates.items():
                rate.append(pairs_a_second(root, Path(scratch) / f"dataset{workers}", crops, workers))
        one_worker, two = (statistics.median(rate) for rate in rates.values())
        print(f"1 worker, whole builds       {one_worker:7.2f} pairs/s")
        print(f"2 workers                    {two:7.2f} pairs/s   {two / one_worker:.2f} x")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
            peak = fresh.submit(peak_gib, root, Path(scratch) / "dataset", crops).result()
        print(f"largest worker               {peak:7.2f} GiB")


if __name__ == "__main__":
    main()
