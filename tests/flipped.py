"""What a flipped reading changes in a model's volumes, held against the phantom's maps of signs; for `make held-out`.

    python -m tests.flipped WORK SIGN...

WORK/dataset0 has people whom the model has never met, WORK/oai0/labels a map a knee, WORK/mean what was drawn with
their own readings, WORK/flipped/SIGN-0 and SIGN-1 the same knees read as free of a sign and as having it. Writes
WORK/flipped.json and prints it as a table: of each sign

- voxels: the area under the ROC curve of the change for the sign's own voxels, and for those of the other compartment;
- share: mean change in the other compartment over that in the sign's;
- told apart: the area for telling knees drawn with the sign from the same drawn without, by brightness in its place;
- own: the same for knees that have it and knees that lack it, drawn with their own readings;
- hidden: likewise, all of them read as free of it: what the film tells;
- acquired: likewise, as acquired: what there is to see.
"""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.reproduction.signs import Knees, across, learn_place, telling, told_apart, voxels
from xrmri.data.store import open_dataset
from xrmri.storage.files import write_json


def found_of(work: Path, knees: Knees, sign: str, code: int) -> dict[str, Any]:
    """All of one sign."""
    pairs, folders = knees.data.pairs("test"), (work / "flipped" / f"{sign}-0", work / "flipped" / f"{sign}-1")
    drawn = tuple(partial(knees.drawn, folder) for folder in folders)
    found: dict[str, Any] = {"voxels": voxels(knees, pairs, folders, code)}
    found["share"] = _share(knees, pairs, folders, code)
    place = learn_place(knees, code, "test")
    if place is None:
        return found
    has = np.array([bool(knees.sign(pair_id, code).any()) for pair_id in pairs])
    sources = {"own": partial(knees.drawn, work / "mean"), "hidden": drawn[0], "acquired": knees.acquired}
    found |= {name: telling(place, seen, pairs, has) for name, seen in sources.items()}
    return found | {"told apart": told_apart(place, *drawn, pairs)}


def _share(knees: Knees, pairs: Sequence[str], folders: tuple[Path, Path], code: int) -> float:
    """Median over knees with the sign: mean change in the other compartment over that in its place."""
    shares = []
    for pair_id in pairs:
        (without, slices), (with_sign, _) = (knees.drawn(folder, pair_id) for folder in folders)
        mask = knees.sign(pair_id, code)[slices]
        change = np.abs(with_sign - without)
        if mask.any() and change[mask].any():
            shares.append(change[across(mask) & ~mask].mean() / change[mask].mean())
    return float(np.median(shares)) if shares else float("nan")


def _row(sign: str, found: dict[str, Any]) -> str:
    def of(name: str, place: str = "inside") -> str:
        one = found.get(name)
        return f"{one[place]['median']:.2f}" if one and one[place] else "-"

    areas = [of("voxels"), of("voxels", "outside"), f"{found['share']:.2f}", of("told apart")]
    areas += [of("told apart", "outside"), of("own"), of("hidden"), of("acquired")]
    having = found["own"]["knees"][0] if found.get("own") else 0
    return f"| {sign} | {having} | " + " | ".join(areas) + " |"


def main(work: Path, signs: Sequence[str]) -> None:
    labels = work / "oai0" / "labels"
    codes = json.loads((labels / "codes.json").read_text(encoding="utf-8"))["signs"]
    knees = Knees(data=open_dataset(work / "dataset0"), labels=labels)
    found = {sign: found_of(work, knees, sign, codes[sign.removeprefix("V00")]) for sign in signs}
    write_json(work / "flipped.json", found)
    print("| sign | knees | voxels | other side | share | told apart | other side | own | hidden | acquired |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(_row(sign, one) for sign, one in found.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
