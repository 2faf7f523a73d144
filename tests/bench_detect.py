"""`make bench`: what a film costs from file to crop, in seconds of one core, and where they go.

The films are the phantom's kind in size and pixels: 2500 x 2000, 12 bits in 16, as DICOM without compression (as OAI
has them), DICOM with lossless compression, and PNG. Process start and loading the network do not count.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.uid import JPEG2000Lossless, RLELossless

from xrmri.config import DetectKnee
from xrmri.data.radiograph import crop_knee, read_radiograph
from xrmri.detector.detect import load_detector
from xrmri.detector.sides import Seen, look_at, see_knees
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.dicom_series import film_file, save
from xrmri.phantom.film import Film, render_film
from xrmri.phantom.release import place
from xrmri.records import Radiograph
from xrmri.storage.files import sha256

ROUNDS, ROWS, COLUMNS = 7, 2500, 2000
BOXES = ((250.0, 900.0, 800.0, 1450.0), (1150.0, 900.0, 1700.0, 1450.0))


def core_seconds(work: Callable[[], object]) -> float:
    """Least processor time of a piece of work, after one round to warm up."""
    work()
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def write_films(folder: Path) -> dict[str, Path]:
    """One film of the wanted size in each kind of file."""
    person = draw_participant(0, 0)
    drawn = Image.fromarray(render_film(person).pixels.astype(np.float32))
    pixels = np.asarray(drawn.resize((COLUMNS, ROWS), Image.Resampling.BICUBIC)).clip(0, 4095).astype(np.uint16)
    film = Film(pixels=pixels, spacing_mm=0.15, joint_box={})
    plain = film_file(film, place(person).film)
    save(plain, folder / "plain.dcm")
    Image.fromarray(pixels).save(folder / "film.png")
    files = {"DICOM": folder / "plain.dcm", "PNG": folder / "film.png"}
    for name, syntax in (("DICOM, run-length", RLELossless), ("DICOM, JPEG 2000", JPEG2000Lossless)):
        packed = film_file(film, place(person).film)
        try:
            packed.compress(syntax)
        except (NotImplementedError, RuntimeError):
            continue  # no encoder for it is installed
        files[name] = folder / f"{len(files)}.dcm"
        packed.save_as(files[name])
    return files


def main() -> None:
    """Measure and print."""
    config, detector = DetectKnee(), load_detector(None)

    def looked(film: Radiograph) -> Seen:
        return see_knees(look_at(detector, film), knees=None, side=None, min_score=config.min_score)

    def whole(file: Path) -> None:
        film = read_radiograph(file)
        seen = looked(film)
        sha256(file)
        for knee in seen.knees:
            crop_knee(film, knee.corners, scale=config.box_scale, pixels=config.crop_pixels)

    with tempfile.TemporaryDirectory() as place_of_films:
        for name, file in write_films(Path(place_of_films)).items():
            film = read_radiograph(file)
            parts = {
                "decode": partial(read_radiograph, file),
                "look": partial(looked, film),
                "two crops": lambda film=film: [crop_knee(film, box, scale=1.3, pixels=299) for box in BOXES],
                "hash": partial(sha256, file),
            }
            total = core_seconds(partial(whole, file))
            shares = ", ".join(f"{part} {core_seconds(work):.3f}" for part, work in parts.items())
            print(f"{name} film {ROWS} x {COLUMNS}, file to crops: {total:.3f} s of a core ({shares})")
    print(f"largest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
