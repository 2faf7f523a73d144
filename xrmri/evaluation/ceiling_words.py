"""What the figures mean beside what a film could tell at best: every share of the ceiling, in words.

Where no twins were given nothing is known of a ceiling, and the words say the plain figures.
"""

from collections.abc import Mapping
from typing import Any

from xrmri.evaluation.sources import GENERATED, MEAN_OF_TWINS, TWIN

OF = {TWIN: "one twin's", MEAN_OF_TWINS: "the mean of twins'"}
WAYS = {
    "squared": "closest to their own patient",
    "deviations": "closest to their own patient by what sets a knee apart from the mean",
    "joint": "closest to their own patient by the same in the joint region",
}


def headline_share(summary: Mapping[str, Any]) -> str:
    """The share that a conclusion ends with; nothing where no ceiling is known."""
    found = (summary.get("fidelity") or {}).get("whole") or {}
    share = found.get("share_of_ceiling")
    return f" Share of the ceiling: {_percent(share)}." if share else ""


def fidelity_lines(summary: Mapping[str, Any]) -> list[str]:
    """What the volumes tell of each knee, in the whole volume and in the joint region."""
    lines = []
    for region, where in (("whole", "Whole volume"), ("joint", "Joint region")):
        found: Any = (summary.get("fidelity") or {}).get(region)
        own: Any = found and found["sources"].get(GENERATED)
        if not own or not own["r2"]:
            continue
        told = f"{where}: R² {_value(own['r2'])} about the mean training volume, slope {_value(own['slope'])}"
        if found["ceiling"] and own["common"] and found["share_of_ceiling"]:
            told += (
                f"; {own['common']['value']:.3f} of what sets knees apart is in common with the acquired knee, where a "
                f"film tells at most {_value(found['ceiling'])}. "
                f"Share of the ceiling: {_percent(found['share_of_ceiling'])}"
            )
        lines.append(f"{told}.")
    return lines


def recognition_lines(summary: Mapping[str, Any]) -> list[str]:
    """How often volumes are recognised, by each way to look."""
    lines = []
    for way, found in (summary.get("recognition") or {}).items():
        named = found["sources"][GENERATED]
        sure = named["interval"][0] > named["chance"]
        told = (
            f"{100 * named['accuracy']:.0f} % of the volumes are {WAYS[way]} among {named['candidates']} acquired "
            f"volumes; guessing gives {100 * named['chance']:.0f} %"
        )
        told += "" if sure else ", and the interval does not exclude guessing"
        shares = [
            f"{100 * share:.0f} % of {OF[ceiling]} {100 * found['sources'][ceiling]['accuracy']:.0f} %"
            for ceiling, share in found["share_of_ceiling"].items()
            if share is not None
        ]
        lines.append(told + (f". Share of the ceiling: {', '.join(shares)}." if shares else "."))
    return lines


def likeness_share(summary: Mapping[str, Any], metric: str) -> str:
    """Share of the ceiling by one measure of likeness, counted from another patient's volume."""
    told = [
        f"{_percent(share)} of {OF[ceiling]}"
        for ceiling, share in (summary.get("share_of_ceiling") or {}).get(metric, {}).items()
    ]
    return f" Share of the ceiling: {', '.join(told)}." if told else ""


def _value(found: Mapping[str, Any] | None) -> str:
    if not found:
        return "unknown"
    low, high = found["interval"]
    return f"{found['value']:.3f} ({low:.3f} to {high:.3f})"


def _percent(found: Mapping[str, Any]) -> str:
    low, high = (100 * bound for bound in found["interval"])
    return f"{100 * found['value']:.0f} % (95 % interval {low:.0f} to {high:.0f} %)"
