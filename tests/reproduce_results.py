"""Tables and small figures of `make reproduce`, from what `evaluate` wrote: results/results.md and PNG beside it.

    python tests/reproduce_results.py FOLDER

Nothing is measured here; every figure stands in a summary.json or a table of FOLDER/evaluation-*.
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from xrmri.files import write_text

RIVALS = ("ldm", "cola-diff", "x-diffusion")
OWN = ("xray2mri", "anchored")
CONTROLS = ("wrong_patient", "mean_volume", "nearest_training", "ridge", "twin", "mean_of_twins", "vae_ceiling")
BOXED = ("anchored", "regression", "xray2mri", "no-readings", *RIVALS, *CONTROLS)
MEASURES = ("psnr", "ssim", "rssim", "r2", "r2_joint", "psnr_as_in_paper")
DIGITS = {"psnr": 2, "psnr_as_in_paper": 2}
PAPER_CONTINUITY = {30: 0.66, 50: 0.73, 500: 0.76}
WIDEST_PIXELS, SHADES = 760, 96
NOTHING = "–"


def main(work: Path) -> None:
    out = work / "results"
    out.mkdir(exist_ok=True)
    seeds = {f"seed{seed}": found for seed, found in summaries(work, "evaluation-seed").items()}
    signs = {f"V00{sign}": found for sign, found in summaries(work, "evaluation-V00").items()}
    depths = summaries(work, "evaluation-depths-")
    parts = [
        "# What `make reproduce` found\n",
        cohort(work, seeds),
        trainings(work, seeds),
        scores(seeds),
        *(against(seed, found) for seed, found in seeds.items()),
        joint_gain(seeds),
        readings(seeds, signs),
        continuity(depths),
        between(summaries(work, "evaluation-between-")),
    ]
    write_text(out / "results.md", "\n".join(part for part in parts if part))
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        boxes(work, out / "fig5.png")
        curves(depths, out / "fig6.png")
    first = work / f"evaluation-{next(iter(seeds))}" / "figures"
    shown = {name: first / f"{name}.png" for name in ("fig4", "table2", "table4")}
    shown |= {f"table3-{sign}": work / f"evaluation-{sign}" / "figures" / "table3.png" for sign in signs}
    for name, picture in shown.items():
        if picture.is_file():
            shrink(picture, out / f"{name}.png")
    print(out / "results.md")


def summary(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def summaries(work: Path, prefix: str) -> dict[str, dict]:
    """What follows the prefix in a folder's name -> its summary."""
    return {folder.name.removeprefix(prefix): summary(folder) for folder in sorted(work.glob(f"{prefix}*"))}


def table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def told(found: dict | None, metric: str = "") -> str:
    """Median and 95 % interval over participants."""
    if not found:
        return NOTHING
    digits, (low, high) = DIGITS.get(metric, 3), found["interval"] or (found["median"],) * 2
    return f"{found['median']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def scored(found: dict, metric: str, name: str) -> dict | None:
    """What a run or a control scores; the run that the evaluation is about goes by its own name."""
    return found[metric].get("generated" if name == found["run_names"][0] else name)


def compared(found: dict, metric: str, one: str, other: str) -> dict | None:
    """One minus the other, whichever way round the evaluation has it."""
    for row in found["runs"]:
        if row["metric"] == metric and {row["one"], row["other"]} == {one, other}:
            if row["one"] == one:
                return row
            low, high = row["interval"]
            turned = {"higher": "lower", "lower": "higher"}.get(row["verdict"], row["verdict"])
            return row | {"median": -row["median"], "interval": [-high, -low], "verdict": turned}
    return None


def difference(row: dict | None, metric: str) -> list[str]:
    if row is None:
        return [NOTHING] * 3
    return [told(row, metric), f"{row['p_holm']:.3f}", row["verdict"]]


def cohort(work: Path, seeds: dict[str, dict]) -> str:
    dataset = json.loads((work / "dataset" / "dataset.json").read_text(encoding="utf-8"))
    splits = ", ".join(f"{count} {split}" for split, count in dataset["pairs_per_split"].items())
    people = next(iter(seeds.values()))["counts"]["participants"]
    kind = "Synthetic knees" if dataset["is_synthetic"] else "Acquired knees"
    return f"{kind}, pairs: {splits}; {people} participants evaluated; {len(seeds)} seeds of training.\n"


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


def scores(seeds: dict[str, dict]) -> str:
    """Fig. 5 in figures, and how far apart two trainings of one method lie."""
    lines = ["## Scores (Fig. 5)\n", "Median over participants (95 % interval).\n"]
    for seed, found in seeds.items():
        rows = [
            [name, *(told(scored(found, metric, name), metric) for metric in MEASURES)]
            for name in BOXED
            if any(scored(found, metric, name) for metric in MEASURES)
        ]
        lines += [f"### {seed}\n", table(["", *MEASURES], rows)]
    if len(seeds) > 1:
        rows = []
        for name in BOXED[: -len(CONTROLS)]:
            medians = [[(scored(one, m, name) or {}).get("median") for one in seeds.values()] for m in MEASURES]
            spans = [max(of) - min(of) if None not in of else None for of in medians]
            rows.append([name, *(NOTHING if span is None else f"{span:.3f}" for span in spans)])
        lines += ["### Between seeds: largest less smallest median\n", table(["", *MEASURES], rows)]
    return "\n".join(lines)


def against(seed: str, found: dict) -> str:
    """Claim 1: each own method less each rival, within participants."""
    rows = [
        [own, other, metric, *difference(compared(found, metric, own, other), metric)]
        for own in OWN
        for other in (*RIVALS, "regression", *(name for name in OWN if name != own))
        for metric in ("psnr", "ssim", "rssim", "r2")
        if (own, other) != OWN
    ]
    columns = ["method", "less", "measure", "median difference (95 %)", "p (Holm)", "verdict"]
    return f"## Better than three rivals? {seed}\n\n" + table(columns, rows)


def joint_gain(seeds: dict[str, dict]) -> str:
    """Claim 4: gain over the best rival, by the rival's score as the paper counts, and by the way to a twin."""
    rows = []
    for seed, found in seeds.items():
        for own in OWN:
            for metric in ("psnr", "ssim", "rssim"):
                ours, theirs = scored(found, metric, own), [scored(found, metric, rival) for rival in RIVALS]
                if not ours or not any(theirs):
                    rows.append([seed, own, metric, *[NOTHING] * 3])
                    continue
                best = max(filter(None, theirs), key=lambda one: one["median"])
                nothing, ceiling = (scored(found, metric, name) for name in ("wrong_patient", "twin"))
                gain = ours["median"] - best["median"]
                way = ceiling["median"] - nothing["median"] if nothing and ceiling else 0
                apart = "yes" if ours["interval"][0] > best["interval"][1] else "no"
                share = f"{gain / way:+.0%}" if way > 0 else NOTHING
                rows.append([seed, own, metric, f"{gain / abs(best['median']):+.1%}", share, apart])
    columns = ["seed", "method", "measure", "gain over the best rival", "of the way from another patient to a twin",
               "intervals apart"]  # fmt: skip
    return "## Does the joint gain most?\n\n" + table(columns, rows)


def readings(seeds: dict[str, dict], signs: dict[str, dict]) -> str:
    """Claim 2: trained with and without readings; and what one reading changes, in its place."""
    rows = [
        [seed, metric, *difference(compared(found, metric, "xray2mri", "no-readings"), metric)]
        for seed, found in seeds.items()
        for metric in ("psnr", "ssim", "rssim", "r2")
    ]
    columns = ["seed", "measure", "median difference (95 %)", "p (Holm)", "verdict"]
    text = "## Do readings add? xray2mri less the same without readings\n\n" + table(columns, rows)
    rows = []
    for name, found in signs.items():
        flip = found["flips"]
        sign, _, method = name.partition("-")
        if flip is None:
            rows.append([sign, method, NOTHING, NOTHING, "0"])
            continue
        inside = flip["inside"] and {"median": flip["inside"], "interval": flip["interval"]}
        rows.append([sign, method, f"{flip['change']:.4f}", told(inside or None), str(flip["volumes"])])
    columns = ["reading, 0 to 1", "method", "change (RMS, of the window)", "in its place over everywhere (95 %)",
               "volumes"]  # fmt: skip
    return text + "\n### One reading, with and without (Table III)\n\n" + table(columns, rows)


def continuity(depths: dict[str, dict]) -> str:
    """Claim 3: correlation of neighbours against the number of depths."""
    columns = ["noise", "slices drawn", "correlation of neighbours (95 %)", "the paper's"]
    rows = [
        [noise, str(one["slices"]), told(one), f"{PAPER_CONTINUITY.get(one['slices'], NOTHING)}"]
        for noise, found in depths.items()
        for one in drawn(found)
    ]
    acquired = {noise: told(found["adjacent_correlation"]["acquired"]) for noise, found in depths.items()}
    rows += [[noise, "acquired", correlation, "0.82"] for noise, correlation in acquired.items()]
    return "## Are more depths smoother? (Fig. 6)\n\n" + table(columns, rows)


def drawn(found: dict) -> list[dict]:
    return sorted(filter(None, found["continuity"].values()), key=lambda one: one["slices"])


def between(found: dict[str, dict]) -> str:
    rows = [
        [noise, metric, *difference(compared(one, metric, *one["run_names"]), metric)]
        for noise, one in found.items()
        for metric in ("psnr", "ssim", "ms_ssim", "rssim")
    ]
    columns = ["noise", "measure", "drawn less blended (95 %)", "p (Holm)", "verdict"]
    text = "## Is a slice in between more than a blend of its neighbours? (Table IV)\n\n"
    text += "Half the slices of both are the same, so differences are half as large as those of the others.\n\n"
    return text + table(columns, rows)


def boxes(work: Path, file: Path) -> None:
    """Fig. 5: one value a volume, all seeds together."""
    tables = []
    for folder in sorted(work.glob("evaluation-seed*")):
        own = pd.read_csv(folder / "volumes.csv").assign(source=summary(folder)["run_names"][0])
        tables += [own, pd.read_csv(folder / "baselines.csv")]
    every = pd.concat(tables)
    figure = Figure(figsize=(7.5, 5.5), layout="constrained")
    for axes, metric in zip(figure.subplots(3, 1, sharex=True), ("psnr", "ssim", "rssim"), strict=True):
        found = {name: every.loc[every["source"] == name, metric].dropna() for name in BOXED}
        found = {name: values for name, values in found.items() if len(values)}
        axes.boxplot(list(found.values()), widths=0.5, flierprops={"marker": ".", "markersize": 3})
        axes.set_xticks(range(1, len(found) + 1), [name.replace("_", "\n").replace("-", "-\n") for name in found])
        axes.set_ylabel(metric.upper() + (" (dB)" if metric == "psnr" else ""))
        axes.axvline(sum(name not in CONTROLS for name in found) + 0.5, color="#999999", linewidth=0.8)
    save(figure, file)


def curves(depths: dict[str, dict], file: Path) -> None:
    """Fig. 6."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    for noise, found in depths.items():
        points = drawn(found)
        heights = [one["median"] for one in points]
        axes.plot([one["slices"] for one in points], heights, "o-", markersize=3, label=f"{noise} noise")
    acquired = [found["adjacent_correlation"]["acquired"] for found in depths.values()]
    if acquired and acquired[0]:
        axes.axhline(acquired[0]["median"], color="#b00020", linestyle="--", linewidth=1, label="acquired")
    axes.set_xlabel("slices drawn")
    axes.set_ylabel("correlation of neighbours")
    axes.legend(frameon=False)
    save(figure, file)


def save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=100, metadata={"Software": None})
    shrink(file, file)


def shrink(picture: Path, file: Path) -> None:
    """A figure of tens of kilobytes."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDEST_PIXELS, 10 * WIDEST_PIXELS))
    small.quantize(SHADES).save(file, optimize=True)


main(Path(sys.argv[1]))
