"""A release by another hand, with every known quirk of OAI: each ends where it should, and none crashes."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.stages.other_hand import (
    Film,
    Mr,
    bomb,
    contents,
    film_bytes,
    image03,
    lay,
    mr_files,
    packed,
    readings,
    with_link,
)
from xrmri.config import BuildDataset, Execution
from xrmri.data.knees import DetectedKnee, write_knees
from xrmri.data.store import open_dataset
from xrmri.records import KneeBox
from xrmri.runs.record import read_record
from xrmri.stages.build_dataset import BuildInputs, run, verify

CONFIG = BuildDataset(slices=6, first_slice=1, last_slice=5, size=32, max_rejected=0.9)
LEFT = {"description": "COR_T1_3D_FLASH_LEFT", "study": "OAI^MR^ENROLLMENT^LEFT"}
BOTH, RIGHT_FILM, LEFT_FILM = (
    Film(),
    Film(description="PA Fixed Flexion Right Knee"),
    Film(description="PA Fixed Flexion Left Knee"),
)

# Where the knee ends -> the MR series and films that its participant has; they follow in time.
PAIRED = {
    "plain": ([Mr()], [BOTH]),
    "left": ([Mr(**LEFT)], [BOTH]),
    "short names": ([Mr(description="COR_T1_3D_FLASH_L", study=None)], [BOTH]),
    "side in the study": ([Mr(description="COR_T1_3D_FLASH")], [BOTH]),
    "odd spelling": (
        [Mr(description="cor^t1_3d flash_right  ")],
        [Film(description="BILATERAL^PA FIXED  FLEXION KNEE ")],
    ),
    "implicit": ([Mr(implicit=True)], [BOTH]),
    "bare": ([Mr(bare=True)], [BOTH]),
    "backwards": ([Mr(backwards=True)], [BOTH]),
    "reference image": ([Mr(reference=True)], [BOTH]),
    "rounded headers": ([Mr(jitter=0.02)], [BOTH]),
    "counted from 0": ([Mr(numbers=("0", "1", "2", "3", "4", "5"))], [BOTH]),
    "with extension": ([Mr(numbers=tuple(f"IM{i}.dcm" for i in range(6)))], [BOTH]),
    "wide": ([Mr(shape=(24, 32))], [BOTH]),
    "anonymous": ([Mr(patient="ANONYMOUS")], [Film(patient="ANONYMOUS")]),
    "rescan": ([Mr(series_number=5), Mr(series_number=9), Mr(series_number=7)], [BOTH]),
    "inverted film": ([Mr()], [Film(inverted=True)]),
    "misleading film": ([Mr(**LEFT)], [Film(laterality="R")]),
    "spacing as text": ([Mr()], [Film(spacing=("PixelSpacing", ["0.2", "0.2"]), characters="ISO_IR 100")]),
    "no spacing": ([Mr()], [Film(spacing=None)]),
    "two films": ([Mr()], [LEFT_FILM, RIGHT_FILM]),
    "both kinds of film": ([Mr()], [RIGHT_FILM, BOTH]),
    "other series": ([Mr(), Mr(description="COR_IW_TSE_RIGHT", slices=3), Mr(description="SAG_T2_MAP_RIGHT")], [BOTH]),
    "only 37": ([Mr()], [BOTH]),
    "not read": ([Mr()], [BOTH]),
    "sheet alone": ([Mr(description=None, study=None)], [Film(description=None)]),
    "sheet is wrong": ([Mr()], [BOTH]),
}
REJECTED = {
    "no film": ([Mr()], [], "no radiograph"),
    "wrong film": ([Mr()], [LEFT_FILM], "no radiograph"),
    "hip": ([Mr()], [Film(description="AP Pelvis")], "no radiograph"),
    "prosthesis": ([Mr()], [BOTH], "prosthesis"),
    "few": ([Mr(slices=5)], [BOTH], "slice count"),
    "many": ([Mr(slices=7)], [BOTH], "slice count"),
    "zero": ([Mr(zero=2)], [BOTH], "all-zero slice"),
    "cut": ([Mr(cut=3)], [BOTH], "unreadable slice"),
    "echoes": ([Mr(slices=3, echoes=(5.0, 10.0))], [BOTH], "several echoes"),
    "nobody's": ([Mr(patient="9777777")], [BOTH], "other participant"),
    "sideless": ([Mr(description="COR_T1_3D_FLASH", study="OAI^MR^ENROLLMENT^KNEE")], [BOTH], "side unknown"),
    "empty": ([Mr(slices=0)], [BOTH], "no files"),
    "nameless": ([Mr(description=None, study=None)], [BOTH], "no description"),
}


def participant(case: str) -> str:
    """Seven digits, the first a 9."""
    return str(9_000_001 + [*PAIRED, *REJECTED].index(case))


@dataclass
class Laid:
    """A release on disk."""

    root: Path
    films: dict[str, bytes] = field(default_factory=dict)
    """Place -> content."""
    scans: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def knees(self, folder: Path) -> Path:
        """What detect-knee would find: both knees on each film."""
        folder.mkdir()
        found = []
        for number, content in enumerate(self.films.values()):
            for side, level in (("right", 1000), ("left", 3000)):
                crop = np.add.outer(np.zeros(299), np.arange(299)).astype(np.uint16) + level
                box = KneeBox(side=side, score=0.9, corners=(1.0, 2.0, 30.0, 31.0))
                digest = sha256(content).hexdigest()
                found.append(DetectedKnee(name=f"{number}_{side}", source="film", source_sha256=digest,
                                          box=box, crop=crop, spacing_mm=None))  # fmt: skip
        write_knees(folder, found)
        return folder


def place(case: str, number: int, *, mr: bool, release: str = "0.C.2") -> str:
    """Release, participant, day and series; the film is some weeks older than the MRI."""
    day, modality = ("20050712", "1") if mr else ("20050531", "0")
    return f"{release}/{participant(case)}/{day}/{modality}{int(participant(case)) % 10_000:04d}{number:03d}"


def write_release(root: Path) -> Laid:
    """The images of all cases in the classic layout, with a sheet that knows some of them."""
    laid = Laid(root)
    visit = root / "OAIBaselineImages" / "results" / "00m"
    for case, (scans, films, *_) in {**PAIRED, **REJECTED}.items():
        for number, scan in enumerate(scans):
            laid.scans[place(case, number, mr=True)] = mr_files(scan, participant(case))
        for number, film in enumerate(films):
            laid.films[place(case, number, mr=False)] = film_bytes(film, participant(case))
    for where, files in laid.scans.items():
        lay(visit / where, files)
    for where, content in laid.films.items():
        lay(visit / where, {"001": content})
    sheet = [
        (place("sheet alone", 0, mr=True).replace("/", "//", 1), "COR_T1_3D_FLASH_RIGHT  "),
        (place("sheet alone", 0, mr=False), "Bilateral PA Fixed Flexion Knee"),
        (place("sheet is wrong", 0, mr=True), "COR_T1_3D_FLASH_LEFT"),
        (place("plain", 7, mr=True), "COR_T1_3D_FLASH_LEFT"),
        (place("plain", 8, mr=True), "SAG_3D_DESS_LEFT"),
    ]
    (visit / "contents_00m.csv").write_bytes(b"\xef\xbb\xbf" + contents(sheet).encode())
    (visit / "contents.txt").write_bytes(b"")
    (visit / "contents.0C2.csv").write_bytes(b"\xff\xfeno UTF-16")
    write_tables(root)
    return laid


def write_tables(root: Path) -> None:
    """Readings of every case but one, and tables that are none."""
    rows = []
    for case in {**PAIRED, **REJECTED}:
        for side, coded in (("1", "1: Right"), ("2", "2")):
            kl = "P" if case == "prosthesis" else "2: 2"
            row = (
                participant(case),
                coded,
                "15",
                "0.6",
                "016600000001",
                kl,
                "1.4",
                ".A: Not Expected",
                "",
                'caf\xe9 "x: y',
            )
            again = (*row[:2], "37", *row[3:5], "3", *row[6:])
            miscoded = (*row[:2], "42: 42", *row[3:5], "4", *row[6:])
            if case == "only 37":
                rows += [miscoded, again]
            elif case != "not read":
                rows += [miscoded, again, row] if side == "1" else [row, again]
    folder = root / "X-Ray Image Assessments_ASCII" / "XR Knee Semi-Quant"
    folder.mkdir(parents=True)
    (folder / "KXR_SQ_BU00.TXT").write_bytes(readings(rows))
    (folder / "kxr_sq_rel_bu00.txt").write_bytes(
        readings([(row[0], row[1], "15", *row[3:5], "0", *row[6:]) for row in rows])
    )


@pytest.fixture(scope="module")
def laid(tmp_path_factory) -> Laid:
    return write_release(tmp_path_factory.mktemp("quirks") / "oai")


@pytest.fixture(scope="module")
def built(laid, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    inputs = BuildInputs(source=laid.root, knees=laid.knees(folder / "knees"))
    run(inputs, folder / "dataset", CONFIG, Execution(workers=2))
    return folder / "dataset"


@pytest.fixture(scope="module")
def told(built) -> pd.DataFrame:
    return pd.read_csv(built / "rejected.csv", dtype=str)


@pytest.mark.parametrize("case", PAIRED)
def test_a_quirk_that_can_be_read_through_ends_in_a_pair(built, case):
    side = "left" if case in ("left", "short names", "misleading film") else "right"
    pair = f"{participant(case)}_00m_{side}"
    dataset = open_dataset(built)
    assert [one for one in dataset.pairs() if one.startswith(participant(case))] == [pair]
    volume, affine = dataset.volume(pair).astype(int), dataset.geometry(pair).affine
    # To the front in every voxel that is not a margin, and to the patient's left, which is mirrored for a left knee.
    rows = slice(4, 28) if case == "wide" else slice(None)
    assert (np.diff(volume[:, rows], axis=0) > 80).all()
    assert (volume[0, rows, -1].mean() - volume[0, rows, 0].mean() > 40) == (side == "right")
    assert (affine @ (3, 0, 0, 1))[1] - (affine @ (0, 0, 0, 1))[1] == pytest.approx(4.5, abs=0.2)
    assert volume[0, 16].mean() == pytest.approx(200 + 31 + 2, abs=4)  # slice 1 of 0 to 5


@pytest.mark.parametrize("case", REJECTED)
def test_a_quirk_that_cannot_ends_in_a_row_with_its_reason(told, case):
    own = told[told["participant"] == participant(case)]
    scans = own[own["series"].str.contains("20050712")]
    assert [reason.partition(":")[0] for reason in scans["reason"]] == [REJECTED[case][2]]


def test_the_last_rescan_wins_and_its_forerunners_are_named(built, told, laid):
    rows = told[told["participant"] == participant("rescan")]
    assert sorted(rows["reason"].str.partition(":")[0]) == ["rescanned", "rescanned"]
    kept = json.loads(next(built.glob("pairs-*.json")).read_bytes())["pairs"]
    (pair,) = [one for one in kept if one["participant"] == participant("rescan")]
    assert pair["flash"].endswith(place("rescan", 1, mr=True))


def test_a_bilateral_film_is_taken_before_one_of_the_knee(built):
    films = {
        one["participant"]: one["film"] for one in json.loads(next(built.glob("pairs-*.json")).read_bytes())["pairs"]
    }
    assert films[participant("both kinds of film")].endswith(place("both kinds of film", 1, mr=False))
    assert films[participant("two films")].endswith(place("two films", 1, mr=False))


def test_grades_are_those_of_project_15_floored_and_what_was_not_read_is_not_0(built):
    dataset = open_dataset(built)
    plain = dataset.grades(f"{participant('plain')}_00m_right")
    assert (plain["V00XRKL"], plain["V00XRJSM"], plain["V00XRJSL"], plain["V00XROSFM"]) == (2, 1, None, None)
    assert dataset.grades(f"{participant('only 37')}_00m_right")["V00XRKL"] == 3
    assert set(dataset.grades(f"{participant('not read')}_00m_right").values()) == {None}
    assert np.isnan(float(dataset.index.at[f"{participant('not read')}_00m_right", "kl"]))
    not_read = dataset.facts.not_read
    assert (not_read["V00XRKL"], not_read["V00XRJSL"]) == (1, len(PAIRED))


def test_every_series_is_counted_once(built, told):
    counts = read_record(built).counts
    assert sum(counts["found"].values()) == counts["paired"] + counts["rejected"] + counts["other"]
    assert counts["pairs"] == len(PAIRED) and counts["rejected"] == len(told) == told["series"].nunique()
    # On disk, and two that a sheet alone knows.
    scans = sum(len(scans) + len(films) for scans, films, *_ in [*PAIRED.values(), *REJECTED.values()])
    assert sum(counts["found"].values()) == scans + 2
    assert "not on disk: a sheet lists it" in set(told["reason"])


def test_nothing_that_identifies_a_person_leaves_the_release(built):
    for file in built.iterdir():
        assert b"SECRET" not in file.read_bytes() and b"19500101" not in file.read_bytes()


def test_no_participant_is_in_two_splits_and_the_dataset_verifies(built):
    index = open_dataset(built).index
    assert (index.groupby("participant")["split"].nunique() == 1).all()
    assert verify(built) == {"status": "verified", "output": str(built), "pairs": len(PAIRED), "shards": 1}


def test_a_dry_run_tells_the_same_reasons_as_far_as_labels_go_with_an_example_each(laid):
    said = run(BuildInputs(source=laid.root), Path("nowhere"), CONFIG, Execution(dry_run=True))
    reasons = said["counts"]["reasons"]
    for kind in ("no radiograph", "prosthesis", "slice count", "other participant", "side unknown", "not on disk"):
        assert reasons[kind] >= 1 and Path(said["examples"][kind]).is_absolute() == laid.root.is_absolute()
    assert said["others"]["SAG_3D_DESS_LEFT"]["count"] == 1 and said["renamed"]["count"] == 1
    counts = said["counts"]
    assert sum(counts["found"].values()) == counts["paired"] + counts["rejected"] + counts["other"]


@pytest.mark.parametrize("form", ["nested visits", "no visit", "later visit", "sheet in NDA's archives"])
def test_the_same_knee_is_found_in_every_layout(tmp_path, form):
    root, release = tmp_path / "oai", "6.E.1" if form in ("nested visits", "later visit") else "0.E.1"
    above = {"nested visits": "48m/48m/48m", "later visit": "OAI48MonthImages/results/48m"}.get(form, "results")
    visit, table = ("48m", "06") if release == "6.E.1" else ("00m", "00")
    scan, film = mr_files(Mr(), participant("plain")), film_bytes(BOTH, participant("plain"))
    where = place("plain", 0, mr=True, release=release), place("plain", 0, mr=False, release=release)
    if form == "sheet in NDA's archives":
        for name, files in zip(where, (scan, {"001": film}), strict=True):
            file = root / "image03" / "00m" / f"{name}.tar.gz"
            file.parent.mkdir(parents=True)
            file.write_bytes(packed(files))
    else:
        lay(root / above / where[0], scan)
        lay(root / above / where[1], {"001": film})
    header = ("id", "side", "readprj", f"v{table}xrkl")
    (root / f"kxr_sq_bu{table}.txt").write_bytes(readings([(participant("plain"), "1", "37", "3")], header))
    knees = Laid(root, films={"": film}).knees(tmp_path / "knees")
    run(BuildInputs(source=root, knees=knees), tmp_path / "dataset", CONFIG, Execution(workers=1))
    dataset = open_dataset(tmp_path / "dataset")
    assert dataset.pairs() == [f"{participant('plain')}_{visit}_right"]
    assert dataset.grades(dataset.pairs()[0])["V00XRKL"] == 3


def test_archives_of_nda_end_as_their_folders_do_and_bad_ones_as_rows(tmp_path):
    root = tmp_path / "package"
    archives, films, listed = {}, {}, []
    for case in ("plain", "left", "few", "zero", "cut", "empty", "many"):
        scans, (film,), *_ = {**PAIRED, **REJECTED}[case]
        archives[case] = mr_files(scans[0], participant(case))
        films[case] = film_bytes(film, participant(case))
    spoiled = {
        "few": lambda files: packed(files)[: len(packed(files)) * 2 // 3],
        "zero": lambda files: packed(files, prefix="../../"),
        "cut": with_link,
        "empty": lambda files: bomb(),
        "many": lambda files: b"this is no archive",
    }
    for case, files in archives.items():
        for name, content in ((place(case, 0, mr=True), spoiled.get(case, packed)(files)),
                              (place(case, 0, mr=False), packed({"001": films[case]}))):  # fmt: skip
            file = root / "image03" / "00m" / f"{name}.tar.gz"
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
            described = "Bilateral PA Fixed Flexion Knee" if "/20050531/" in name else "COR_T1_3D_FLASH_RIGHT"
            listed.append((f"s3://NDAR_Central_1/submission_2/data/00m/{name}.tar.gz", described))
    (root / "image03.txt").write_text(image03(listed), newline="")
    (root / "package_file_metadata_1.txt.gz").write_bytes(b"")
    columns = ("src_subject_id", "side", "readprj", "visit", "xrkl", "xrjsm")
    rows = [("The participant", "1 is right", "the project", "V00 is first", "Kellgren", "narrowing"),
            *((participant(case), "1", "15", "V00", "3", ".") for case in archives)]  # fmt: skip
    text = readings(rows, columns).decode("latin-1").replace("|", "\t")
    (root / "oai_kxrsemiquant01.txt").write_bytes(text.encode("latin-1"))
    knees = Laid(root, films=films).knees(tmp_path / "knees")
    counts = run(BuildInputs(source=root, knees=knees), tmp_path / "dataset", CONFIG, Execution(workers=1))["counts"]
    dataset = open_dataset(tmp_path / "dataset")
    # The header of the second says left, its sheet right: the header counts.
    assert dataset.pairs() == [f"{participant('plain')}_00m_right", f"{participant('left')}_00m_left"]
    assert dataset.grades(dataset.pairs()[0])["V00XRKL"] == 3 and counts["pairs"] == 2
    rejected = pd.read_csv(tmp_path / "dataset" / "rejected.csv", dtype=str)
    own = rejected[rejected["series"].str.contains("20050712")].set_index("participant")["reason"]
    kinds = {case: own[participant(case)].partition(":")[0] for case in spoiled}
    assert kinds == {"few": "truncated archive", "zero": "hostile archive", "cut": "hostile archive",
                     "empty": "hostile archive", "many": "damaged archive"}  # fmt: skip
    assert not list(tmp_path.glob("**/passwd")) and counts["rejected"] == 10


def test_a_film_in_an_archive_has_the_hash_of_the_film(tmp_path):
    from xrmri.data.radiograph import read_radiograph
    from xrmri.formats.archive import content_sha256

    content = film_bytes(BOTH, "9000001")
    (tmp_path / "00012345.tar.gz").write_bytes(packed({"001": content}))
    assert content_sha256(tmp_path / "00012345.tar.gz") == sha256(content).hexdigest()
    assert read_radiograph(tmp_path / "00012345.tar.gz").pixels.shape == (60, 90)
