"""What evaluations found, and how it is told in tables, for the results of `make reproduce`."""

import json
import math
from pathlib import Path

RIVALS = ("ldm", "cola-diff", "x-diffusion")
OWN = ("xray2mri", "anchored")
CONTROLS = ("wrong_patient", "mean_volume", "nearest_training", "ridge", "twin", "mean_of_twins", "vae_ceiling")
BOXED = ("anchored", "regression", "hidden", "xray2mri", "no-readings", *RIVALS, *CONTROLS)
DIGITS = {"psnr": 2, "psnr_as_in_paper": 2}
NOTHING = "–"


def summary(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def summaries(work: Path, prefix: str) -> dict[str, dict]:
    """What follows the prefix in a folder's name -> its summary."""
    ended = [file.parent for file in sorted(work.glob(f"{prefix}*/summary.json"))]
    return {folder.name.removeprefix(prefix): summary(folder) for folder in ended}


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


def last_loss(folder: Path) -> float:
    """Of the averaged weights at the end of a training, on fixed noise; infinite where it did not end."""
    if json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"] != "finished":
        return math.inf
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return next(row["validation_loss"] for row in reversed(rows) if "validation_loss" in row)
