"""How fast a volume is measured, as ratios within one run on one machine.

The plain way of this field: scikit-image, slice by slice, for every figure it has (PSNR, SSIM in two windows and at
five scales, Canny edges and their SSIM), and numpy for the rest. Ours: `xrmri.metrics.measure`. The same pair of
volumes, 50 slices of 256 x 256 pixels, one core; then the same work on several volumes with one process and with two.
"""

import time
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.feature import canny
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.transform import downscale_local_mean

from xrmri.machine.parallel import in_order
from xrmri.metrics.edges import edge_maps
from xrmri.metrics.image import SCALES
from xrmri.metrics.measure import slice_scores, volume_scores
from xrmri.metrics.metric import Reference

ROUNDS, SLICES, SIZE, VOLUMES = 3, 50, 256, 12
WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def knee(seed: int) -> np.ndarray:
    """(50, 256, 256) float64 in [0, 1]: dark bones, bright cartilage between them, muscle at the sides, texture."""
    generator = np.random.default_rng(seed)
    volume = np.full((SLICES, SIZE, SIZE), 0.12)
    volume[:, :, :40] = volume[:, :, -40:] = 0.5
    level = 118 + generator.integers(-6, 7)
    volume[12:40, level : level + 9, 60:-60] = 0.95
    volume += 0.08 * gaussian_filter(generator.normal(0, 8, volume.shape), (0.5, 3, 3))
    return np.clip(gaussian_filter(volume, (0, 1, 1)) + generator.normal(0, 0.01, volume.shape), 0, 1)


def plainly(acquired: np.ndarray, generated: np.ndarray, bands: list) -> dict[str, float]:
    """The same figures with scikit-image's own functions, in a loop over slices."""
    found: dict[str, list[float]] = {}
    for index, (one, other) in enumerate(zip(acquired, generated, strict=True)):
        wrapped = np.mean((np.rint(one * 255).astype(np.uint8) - np.rint(other * 255).astype(np.uint8)) ** 2)
        row = {
            "psnr": peak_signal_noise_ratio(one, other, data_range=1),
            "ssim": structural_similarity(one, other, data_range=1),
            "ssim_gaussian": structural_similarity(one, other, data_range=1, **WANG),
            "ms_ssim": plain_ms_ssim(one, other),
            "psnr_as_in_paper": 10 * np.log10(255**2 / wrapped),
        }
        edges = canny(one, sigma=3), canny(other, sigma=3)
        if bands[index]:
            rows = bands[index].rows
            row["rssim"] = structural_similarity(*(edge[rows].astype(float) for edge in edges), data_range=1)
        if index + 1 < len(generated):
            row["adjacent_correlation"] = np.corrcoef(other.ravel(), generated[index + 1].ravel())[0, 1]
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def plain_ms_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Five scales of scikit-image's SSIM; what it does not give, the part without brightness, is divided out."""
    parts = []
    for _ in SCALES:
        similarity = structural_similarity(one, other, data_range=1, full=True, **WANG)[1][5:-5, 5:-5]
        a, b = (gaussian_filter(picture, 1.5, radius=5)[5:-5, 5:-5] for picture in (one, other))
        parts.append((similarity * (a**2 + b**2 + 1e-4) / (2 * a * b + 1e-4)).mean())
        one, other = (downscale_local_mean(picture, 2) for picture in (one, other))
    return float(np.prod(np.maximum([*parts[:-1], similarity.mean()], 0) ** np.array(SCALES)))


def ours(pair: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """All figures of `xrmri evaluate`; it also finds the joint and the depth error, which the plain way leaves out."""
    reference = Reference.of(pair[0], 3.0)
    return volume_scores(slice_scores(reference, pair[1]))


def of_seed(seed: int) -> dict[str, float]:
    """A piece of work for another process, without volumes to send."""
    return ours((knee(seed), knee(seed + 1000)))


def fastest(*works: Callable[[], object]) -> list[float]:
    """Least processor time of each piece of work, the pieces in turn: other work on the machine weighs on both."""
    taken = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, times in zip(works, taken, strict=True):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
    return [min(times) for times in taken]


def seconds_with(workers: int) -> float:
    """Wall time of several volumes; what it takes to start the processes is measured on one volume and left out."""
    start = time.perf_counter()
    list(in_order(of_seed, range(2 * workers), workers))
    started = time.perf_counter()
    list(in_order(of_seed, range(2 * workers + VOLUMES), workers))
    return (time.perf_counter() - started) - (started - start)


def main() -> None:
    """Measure and print."""
    pair = knee(0), knee(1)
    bands = Reference.of(pair[0], 3.0).bands
    plain_figures, our_figures = plainly(*pair, bands), ours(pair)
    apart = max(abs(plain_figures[name] - our_figures[name]) for name in plain_figures)
    assert apart < 1e-6, f"the two ways disagree by {apart}"
    plain, fast = fastest(lambda: plainly(*pair, bands), lambda: ours(pair))
    canny_plain, canny_fast = fastest(
        lambda: [canny(picture, sigma=3) for picture in pair[0]], lambda: edge_maps(pair[0], 3.0)
    )
    one, two = seconds_with(1), seconds_with(2)
    print(f"a pair of volumes of {SLICES} x {SIZE} x {SIZE}, one core, least of {ROUNDS}, in turn")
    print(f"plain scikit-image      {plain:8.2f} s")
    print(f"xrmri                   {fast:8.2f} s   {plain / fast:.1f} times as fast; figures agree to {apart:.0e}")
    print(f"Canny of scikit-image   {canny_plain:8.2f} s")
    print(f"Canny of xrmri          {canny_fast:8.2f} s   {canny_plain / canny_fast:.1f} times as fast, the same edges")
    print(f"{VOLUMES} volumes              {one:8.2f} s with one process")
    print(f"                        {two:8.2f} s with two   {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
