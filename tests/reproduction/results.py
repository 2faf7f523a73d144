"""Tables and small figures of `make reproduce`, from what the commands wrote: results/results.md and PNG beside it.

    python -m tests.reproduction.results FOLDER

Figures stand in a summary.json or a table of FOLDER/evaluation-*; only intervals of ratios are made here.
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from tests.reproduction.claims import against, between, continuity, masks, readings, scores
from tests.reproduction.gains import joint_gain
from tests.reproduction.pictures import boxes, curves, shrink
from tests.reproduction.telling import last_loss, summaries, table
from xrmri.storage.files import write_text


def main(work: Path) -> None:
    out = work / "results"
    out.mkdir(exist_ok=True)
    seeds = {f"seed{seed}": found for seed, found in summaries(work, "evaluation-seed").items()}
    signs = {f"V00{sign}": found for sign, found in summaries(work, "evaluation-V00").items()}
    depths = summaries(work, "evaluation-depths-")
    parts = [
        "# What `make reproduce` found\n",
        cohort(work, seeds),
        series(work / "dataset" / "figures" / "slice_counts.csv"),
        rates(work / "search"),
        trainings(work, seeds),
        scores(seeds),
        *(against(seed, found) for seed, found in seeds.items()),
        joint_gain(work, seeds),
        readings(seeds, signs),
        masks(work / "signs" / "found.json"),
        continuity(depths),
        between(summaries(work, "evaluation-between-")),
    ]
    write_text(out / "results.md", "\n".join(part for part in parts if part))
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        boxes(work, out / "fig5.png")
        curves(depths, out / "fig6.png")
    first = work / f"evaluation-{next(iter(seeds))}" / "figures"
    shown = {name: first / f"{name}.png" for name in ("fig4", "table2", "table4")}
    shown["fig4-series"] = work / "dataset" / "figures" / "sequences.png"
    shown |= {f"table3-{sign}": work / f"evaluation-{sign}" / "figures" / "table3.png" for sign in signs}
    shown |= {file.stem: file for file in (work / "signs").glob("table3-*.png")}  # with outlines, where there are masks
    for name, picture in shown.items():
        if picture.is_file():
            shrink(picture, out / f"{name}.png")
    print(out / "results.md")


def cohort(work: Path, seeds: dict[str, dict]) -> str:
    dataset = json.loads((work / "dataset" / "dataset.json").read_text(encoding="utf-8"))
    splits = ", ".join(f"{count} {split}" for split, count in dataset["pairs_per_split"].items())
    people = next(iter(seeds.values()))["counts"]["participants"]
    kind = "Synthetic knees" if dataset["is_synthetic"] else "Acquired knees"
    return f"{kind}, pairs: {splits}; {people} participants evaluated; {len(seeds)} seeds of training.\n"


def series(file: Path) -> str:
    """Fig. 4a: slices of each coronal sequence of the release."""
    if not file.is_file():
        return ""
    counts = pd.read_csv(file).groupby("sequence")["slices"]
    rows = [
        [str(name), str(len(own)), f"{own.median():.0f}", f"{own.quantile(0.25):.0f} to {own.quantile(0.75):.0f}",
         f"{own.min()} to {own.max()}"]
        for name, own in counts
    ]  # fmt: skip
    return "## Slices of a series (Fig. 4a)\n\n" + table(["sequence", "series", "median", "quartiles", "range"], rows)


def rates(search: Path) -> str:
    """Which learning rate each method was given, and what the others came to on the val split."""
    found = {folder: last_loss(folder) for folder in sorted(search.glob("*/*")) if folder.is_dir()}
    rows = [
        [folder.parent.name, folder.name, f"{loss:.5f}",
         "taken" if loss == min(of for other, of in found.items() if other.parent == folder.parent) else ""]
        for folder, loss in found.items()
    ]  # fmt: skip
    text = "`no-readings` and `anchored` take the rate of `xray2mri`.\n\n"
    return "## Learning rates tried\n\n" + text + table(["method", "rate", "loss on the val split", ""], rows)


def trainings(work: Path, seeds: dict[str, dict]) -> str:
    rows = []
    for file in sorted(file for seed in seeds for file in work.glob(f"{seed}/*/run.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        if record["command"] == "train-ldm":
            config = record["config"]
            settings = [str(config[name]) for name in ("max_steps", "batch_size", "learning_rate")]
            rows.append([file.parent.name, file.parent.parent.name, *settings, f"{record['seconds']:.0f}"])
    columns = ["method", "seed", "steps", "slices a step", "learning rate", "seconds"]
    return "## Budget\n\nAn anchor's own steps come on top of these; `seconds` has both.\n\n" + table(columns, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
