"""How fast a dataset is built, as ratios within one run on one machine: `python tests/bench_dataset.py [RELEASE]`.

The yardstick: SimpleITK's own series reader, which only reads, on one thread. The floor: dcm2niix, where it is
installed, which only copies. Whole processes by the clock, on files in the cache: `xrmri build-dataset --workers 1`,
from finding the series to the tables, with crops of a knees folder, against a process that reads the same series. Then
the parts of a pair in CPU seconds, which on an idle machine are those of the clock; medians of interleaved rounds.
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

from xrmri.building.pair import PairJob, build_pair
from xrmri.building.search import search
from xrmri.config import BuildDataset, Execution, Phantom
from xrmri.data.knees import DetectedKnee, write_knees
from xrmri.data.store import StoredPair, packed_pair
from xrmri.data.volume import intensity_window, read_series, windowed_slices
from xrmri.formats.archive import contents
from xrmri.machine import parallel
from xrmri.machine.memory import keep_memory
from xrmri.records import KneeBox
from xrmri.stages import build_dataset, phantom

ROUNDS, PROCESS_ROUNDS, COPIES = 7, 5, 64
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
        DetectedKnee(name=f"{number}_{side}", source="film", source_sha256=sha256(film.read_bytes()).hexdigest(),
             box=KneeBox(side=side, score=1.0, corners=(0.0, 0.0, 1.0, 1.0)), crop=crop, spacing_mm=None)
        for number, film in enumerate(found) for side in ("left", "right")
    ))  # fmt: skip
    return folder


READ_ALL = """
import sys
import SimpleITK as sitk
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
for folder in sys.argv[1:]:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(folder))
    reader.Execute()
"""


def a_pair(command: list[str | Path], pairs: int) -> float:
    """Seconds of a whole process, shared among its pairs."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return (time.perf_counter() - start) / pairs


def whole_processes(root: Path, series: list[Path], crops: Path, scratch: Path) -> None:
    """Measure and print ours beside the readers."""
    ours = [sys.executable, "-m", "xrmri", "build-dataset", root, "--knees", crops, "--workers", "1", "--force", "-q",
            "-o", scratch / "whole"]  # fmt: skip
    commands = {"xrmri builds a pair": ours, "SimpleITK reads its series": [sys.executable, "-c", READ_ALL, *series]}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(PROCESS_ROUNDS):
        for name, command in commands.items():
            taken[name].append(a_pair(command, len(series)))
    if shutil.which("dcm2niix"):
        copy = ["dcm2niix", "-z", "n", "-b", "n", "-w", "1", "-o", scratch]
        taken["dcm2niix copies it"] = [a_pair([*copy, one], 1) for one in series[:PROCESS_ROUNDS]]
    medians = {name: statistics.median(times) for name, times in taken.items()}
    print(f"whole processes, {len(series)} pairs, medians of {PROCESS_ROUNDS}")
    for name, median in medians.items():
        print(f"{name:<28} {median:7.3f} s   {median / medians['SimpleITK reads its series']:.2f} x")


def pairs_a_second(root: Path, out: Path, crops: Path, workers: int) -> float:
    """Pairs a second of a whole build, once all workers are awake."""
    moments: list[float] = []

    def told(step: str, done: int, total: int, note: str = "") -> None:
        moments.append(time.perf_counter())

    inputs = build_dataset.BuildInputs(source=root, knees=crops)
    build_dataset.run(inputs, out, CONFIG, Execution(workers=workers, force=True, progress=told))
    first = len(moments) // 4
    return (len(moments) - first) / (moments[-1] - moments[first - 1])


def peak_gib(root: Path, out: Path, crops: Path | None) -> float:
    """Memory of the largest worker of a build; to be called in a process that has had no other children."""
    inputs = build_dataset.BuildInputs(source=root, knees=crops)
    build_dataset.run(inputs, out, CONFIG, Execution(workers=1, force=True))
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def parts(job: PairJob) -> None:
    """Measure and print what the time of a pair goes into."""
    one = job.candidate
    files = one.flash.files()
    data = [content for file in files for _, content in contents(file)]
    series = read_series(files, one.side, CONFIG.slices)
    kept = windowed_slices(series, CONFIG.first_slice, CONFIG.last_slice, CONFIG.size)
    stored = StoredPair(pair_id=one.pair_id, mri=kept.voxels, radiograph=kept.voxels[0], grades={},
                        affine=kept.geometry.affine, window=(0.0, 1.0))  # fmt: skip
    ours, read, resized, window, compressed, hashed = seconds(
        lambda: build_pair(job),
        lambda: read_series(files, one.side, CONFIG.slices),
        lambda: windowed_slices(series, CONFIG.first_slice, CONFIG.last_slice, CONFIG.size),
        lambda: intensity_window(kept.voxels),
        lambda: packed_pair(stored, CONFIG.feature_set),
        lambda: [sha256(content).digest() for content in data],
    )
    shares = {"read and decode": read - hashed, "compress": compressed, "SHA-256": hashed, "resize": resized,
              "window": window, "film, crop, mirror": ours - read - compressed - resized - window}  # fmt: skip
    print(f"a pair from {len(files)} x {' x '.join(map(str, series.voxels[0].shape))}: {ours:.3f} s, of it")
    print("  " + ", ".join(f"{name} {part / ours:.0%}" for name, part in shares.items()))
    print(f"  SHA-256 of {sum(map(len, data)) / 1e6:.0f} MB: {sum(map(len, data)) / hashed / 1e9:.2f} GB/s")


def main() -> None:
    """Measure and print."""
    keep_memory()  # as a worker does
    parallel._processes_for = lambda _: get_context("spawn")  # whose time and memory are told as this process's
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        root = Path(sys.argv[1]) if len(sys.argv) > 1 else release(scratch / "oai")
        found = search(root, CONFIG)
        crops = knees([one.film.files()[0] for one in found.candidates], scratch / "knees")
        whole_processes(root, [one.flash.path for one in found.candidates], crops, scratch)
        parts(PairJob(candidate=found.candidates[0], config=CONFIG, device="cpu", knees=crops, template=None))
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(2):
            for workers, rate in rates.items():
                rate.append(pairs_a_second(root, scratch / f"dataset{workers}", crops, workers))
        one_worker, two = (statistics.median(rate) for rate in rates.values())
        print(f"1 worker, whole builds       {one_worker:7.2f} pairs/s")
        print(f"2 workers                    {two:7.2f} pairs/s   {two / one_worker:.2f} x")
        for what, given in {"largest worker": crops, "with the detector": None}.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                peak = fresh.submit(peak_gib, root, scratch / "memory", given).result()
            print(f"{what:<28} {peak:7.2f} GiB")


if __name__ == "__main__":
    main()
