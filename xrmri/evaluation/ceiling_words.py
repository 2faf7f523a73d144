"""What the figures mean beside what a film could tell at best: every share of the ceiling, in words.

Where no twins were given nothing is known of a ceiling, and the words say the plain figures.
"""

from collections.abc import Mapping

from xrmri.evaluation.entries import FigureEntry, Scores
from xrmri.evaluation.result import Summary
from xrmri.evaluation.sources import (
    BY_NAME,
    GENERATED,
    MEAN_OF_TWINS,
    MEAN_VOLUME,
    RESCAN,
    RIDGE,
    SWAPPED,
    TWIN,
    VAE_CEILING,
)
from xrmri.metrics.table import BY_NAME as METRIC
from xrmri.metrics.table import LIKENESS

FEWEST = 6
"""Below six participants no sign test can reach 5 %, so no difference is called one."""
NO_FIGURE = "–"
"""What stands where one participant gives no interval."""
OF = {TWIN: "one twin's", MEAN_OF_TWINS: "the mean of twins'"}
WAYS = {
    "squared": "closest to their own patient",
    "deviations": "closest to their own patient by what sets a knee apart from the mean",
    "joint": "closest to their own patient by the same in the joint region",
}


def headline_share(summary: Summary) -> str:
    """The share that a conclusion ends with; nothing where no ceiling is known."""
    share = summary.whole and summary.whole["share_of_ceiling"]
    return f" Share of the ceiling: {_percent(share)}." if share else ""


def judged_by_share(summary: Summary) -> str:
    """The judgement where a ceiling is known and enough people stand behind the share of it; else nothing."""
    share = _sure_share(summary)
    if not share:
        return ""
    if not follows_by_share(summary):
        told = "have not shown that they follow the radiograph"
    elif share["interval"] and share["interval"][1] < 1:
        told = "follow the radiograph, and tell less of a knee than a film can"
    else:
        told = "follow the radiograph, and may tell all of a knee that a film can"
    plain = summary.whole and summary.whole["shares"].get(RIDGE)
    beside = f" {BY_NAME[RIDGE].title.capitalize()} has {_percent(plain)}." if plain else ""
    return f"Share of the ceiling: {_percent(share)}: the generated volumes {told}.{beside}"


def follows_by_share(summary: Summary) -> bool:
    """Whether the share of the ceiling is known and surely above nothing."""
    share = _sure_share(summary)
    return share is not None and bool(share["interval"] and share["interval"][0] > 0)


def swapped_share(summary: Summary) -> str:
    """The share of volumes drawn from another patient's radiograph; nothing where no ceiling is known."""
    share = summary.whole and summary.whole["shares"].get(SWAPPED)
    return f" Share of the ceiling with another patient's radiograph: {_percent(share)}." if share else ""


def no_ceilings(scores: Scores) -> list[str]:
    """Sentences on what is called a ceiling and lies under the mean training volume, by measure of likeness."""
    lines = []
    for source in (TWIN, MEAN_OF_TWINS, RESCAN, VAE_CEILING):
        under = [METRIC[name].title for name in LIKENESS if _under_the_mean(scores, name, source)]
        if under:
            measures = ", ".join(under)
            lines.append(f"By {measures} the {BY_NAME[source].label} lies under the mean volume: no ceiling there.")
    return lines


def _sure_share(summary: Summary) -> FigureEntry | None:
    """The share of the ceiling where enough people stand behind it."""
    share = summary.whole and summary.whole["share_of_ceiling"]
    return share if share and share["interval"] and share["participants"] >= FEWEST else None


def _under_the_mean(scores: Scores, metric: str, source: str) -> bool:
    found, mean = (scores[metric].get(name) for name in (source, MEAN_VOLUME))
    return bool(found and mean and found["median"] < mean["median"])


def fidelity_lines(summary: Summary) -> list[str]:
    """What the volumes tell of each knee, in the whole volume and in the joint region."""
    lines = []
    for region, where in (("whole", "Whole volume"), ("joint", "Joint region")):
        found = summary.fidelity and summary.fidelity[region]
        own = found and found["sources"].get(GENERATED)
        if not found or not own or not own["r2"]:
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


def recognition_lines(summary: Summary) -> list[str]:
    """How often volumes are recognised, by each way to look."""
    lines = []
    for way, found in (summary.recognition or {}).items():
        named = found["sources"][GENERATED]
        sure = named["interval"] is not None and named["interval"][0] > named["chance"]
        told = (
            f"{100 * named['accuracy']:.0f} % of the volumes are {WAYS[way]} among {named['candidates']} acquired "
            f"volumes; guessing gives {100 * named['chance']:.0f} %"
        )
        told += "" if sure else ", and the interval does not exclude guessing"
        shares = [
            f"{_percent(share)} of {OF[ceiling]} {100 * found['sources'][ceiling]['accuracy']:.0f} %"
            for ceiling, share in found["share_of_ceiling"].items()
            if share
        ]
        lines.append(told + (f". Share of the ceiling: {', '.join(shares)}." if shares else "."))
    return lines


def likeness_share(scores: Scores, shares: Mapping[str, Mapping[str, FigureEntry]], metric: str) -> str:
    """Share of the ceiling by one measure of likeness, counted from another patient's volume."""
    if metric == "r2" or not any(scores[metric].get(ceiling) for ceiling in OF):
        return ""
    told = [
        f"{_percent(share)} of {OF[ceiling]}"
        for ceiling, share in shares.get(metric, {}).items()
    ]
    none = "none by this measure, where twins are no better than the mean volume or another patient's"
    return f" Share of the ceiling: {', '.join(told) or none}."


def _value(found: FigureEntry | None) -> str:
    if not found:
        return "unknown"
    if not found["interval"]:
        return f"{found['value']:z.3f} (interval: {NO_FIGURE})"
    low, high = found["interval"]
    return f"{found['value']:z.3f} ({low:z.3f} to {high:z.3f})"


def _percent(found: FigureEntry) -> str:
    if not found["interval"]:
        return f"{100 * found['value']:.0f} % (95 % interval: {NO_FIGURE})"
    low, high = (100 * bound for bound in found["interval"])
    return f"{100 * found['value']:.0f} % (95 % interval {low:.0f} to {high:.0f} %)"
