"""Tables of the four claims from the summaries of evaluations, for the results of `make reproduce`."""

import json
from pathlib import Path

from tests.reproduction.telling import BOXED, CONTROLS, NOTHING, OWN, RIVALS, compared, difference, scored, table, told

MEASURES = ("psnr", "ssim", "rssim", "r2", "r2_joint", "psnr_as_in_paper")
PAPER_CONTINUITY = {30: 0.66, 50: 0.73, 500: 0.76}


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
        for other in (*RIVALS, "regression", "hidden", *(name for name in OWN if name != own))
        for metric in ("psnr", "ssim", "rssim", "r2")
        if (own, other) != OWN
    ]
    columns = ["method", "less", "measure", "median difference (95 %)", "p (Holm)", "verdict"]
    return f"## Better than three rivals? {seed}\n\n" + table(columns, rows)


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


def masks(file: Path) -> str:
    """Claim 2 against the maps of signs; nothing where there are none, as of acquired knees."""
    if not file.is_file():
        return ""
    found = json.loads(file.read_text(encoding="utf-8"))
    changes = [
        [row["sign"], row["volumes"], str(row["knees"]), *(told(row[name]) for name in ("inside", "outside", "less")),
         f"{row['p_holm']:.3f}"]
        for row in found["voxels"]
    ]  # fmt: skip
    seen = [
        [row["sign"], row["volumes"], "{} / {}".format(*row["knees"]),
         *(told(row[name]) for name in ("inside", "outside")), f"{row['p_holm']:.3f}"]
        for row in found["knees"]
    ]  # fmt: skip
    place = ["in its place (95 %)", "other compartment (95 %)"]
    return "\n".join(
        [
            "### Does the change lie in the sign? Area under the ROC curve over voxels\n",
            "Knees that have the sign, drawn as free of it and as having it.\n",
            table(["reading", "method", "knees", *place, "difference (95 %)", "p (Holm)"], changes),
            "### Can the sign be seen? Area under the ROC curve over knees\n",
            "Brightness where training knees have it. `told`: every knee drawn as free of it and as having it.\n",
            table(["reading", "volumes", "with / without", *place, "p (Holm)"], seen),
        ]
    )


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
