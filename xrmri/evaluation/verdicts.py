"""What the figures mean, in sentences that a reader may quote.

A generated volume that is no better than another patient's, than the mean of all, than the nearest training case or
than a volume drawn from somebody else's radiograph has learnt nothing that counts; a copy has learnt less. The words
say so.
"""

from collections.abc import Sequence

from xrmri.evaluation.audit import ALIKE
from xrmri.evaluation.ceiling_words import (
    FEWEST,
    fidelity_lines,
    follows_by_share,
    headline_share,
    judged_by_share,
    likeness_share,
    recognition_lines,
    swapped_share,
)
from xrmri.evaluation.result import Summary
from xrmri.evaluation.sources import ACQUIRED, GENERATED, MEAN_VOLUME, SOURCES, SWAPPED, VAE_CEILING, WRONG_PATIENT
from xrmri.metrics.table import BY_NAME, LIKENESS
from xrmri.records import UNSEEN

TITLES = {source.name: source.title for source in SOURCES}
RIVALS = tuple(source.name for source in SOURCES if source.rival)
LOST_MM, LOST_TIMES = 10.0, 1.5
"""Depth is not controlled where the median error is above both: millimetres, and times what another patient's acquired
volume has at the right depths (choice)."""
STILL = 0.9
"""Neighbours may close this share of what acquired neighbours lack to 1; beyond, slices are copies (choice)."""


def verdicts(summary: Summary) -> list[str]:
    """What the figures mean; the first sentence is the conclusion."""
    people = summary.counts["participants"]
    alarms = _alarms(summary)
    if people < FEWEST:
        few = (
            f"Only {people} participant{'s' * (people != 1)}: too few to call any difference one. "
            "The figures describe these volumes and say nothing about the model."
        )
        return [" ".join([few, *alarms]) + headline_share(summary), *fidelity_lines(summary)]
    rivals = [name for name in RIVALS if any(summary.differences[metric].get(name) for metric in LIKENESS)]
    lines, beaten = [], set(rivals)
    for name in LIKENESS:
        differences = {rival: summary.differences[name].get(rival) for rival in rivals}
        groups: dict[str, list[str]] = {"better": [], "no better": [], "worse": []}
        for rival, difference in differences.items():
            if difference and difference["verdict"] in groups:
                groups[difference["verdict"]].append(f"{TITLES[rival]} ({_range(name, difference['interval'])})")
                if difference["verdict"] != "better":
                    beaten.discard(rival)
        told = [f"{verdict} than {_listed(group)}" for verdict, group in groups.items() if group]
        if told:
            said = "; ".join(told) + "." + likeness_share(summary.scores, summary.share_of_ceiling, name)
            lines.append(f"{BY_NAME[name].title}: {said}")
    if lines:
        lines.append("In brackets: 95 % interval of the median difference within participants.")
    share = judged_by_share(summary)
    if share and not alarms:
        conclusion = share
    else:
        conclusion = _conclusion(rivals, beaten, alarms) + headline_share(summary)
    return [conclusion, *fidelity_lines(summary), *_beyond(summary), *lines]


def _conclusion(rivals: Sequence[str], beaten: set[str], alarms: Sequence[str]) -> str:
    """One judgement where no ceiling is known: alarms first, because likeness of a copy says nothing."""
    if not rivals:
        return " ".join([*alarms, "No baseline could be computed: the figures cannot be judged."])
    lost = [TITLES[name] for name in rivals if name not in beaten]
    if lost:
        judged = (
            f"By at least one measure the generated volumes are no better than {_listed(lost)}. "
            "They have not shown that they follow the radiograph."
        )
    elif alarms:
        judged = "Whatever they score, they have not shown that they follow the radiograph."
    else:
        won = _listed([TITLES[name] for name in rivals])
        judged = f"By every measure of likeness the generated volumes are better than {won}."
    return " ".join([*alarms, judged])


def _alarms(summary: Summary) -> list[str]:
    """Signs that the volumes are no drawings of a model at all, or of nothing."""
    found = []
    memorised, others = summary.audit["memorisation"], summary.audit["other_patients"]
    diversity = summary.audit["diversity"]
    for copies, whose in ((memorised, "a training volume"), (others, "another patient's acquired volume")):
        if copies and copies["copies"]:
            found.append(
                f"{copies['copies']} of {copies['volumes']} volumes are all but copies of {whose}: they lie nearer to "
                "it than half of what two different knees differ by."
            )
    # A mean of all that a film leaves open differs little from person to person, and is no fault where it follows them.
    ratio = diversity["ratio"] if diversity else None
    if ratio is not None and ratio < ALIKE and not follows_by_share(summary):
        found.append(
            "The volumes of different people are nearly one and the same: they differ by "
            f"{100 * ratio:.0f} % of what acquired volumes differ by."
        )
    drawn, acquired = (summary.scores["adjacent_correlation"].get(name) for name in (GENERATED, ACQUIRED))
    if drawn and acquired and 1 - drawn["median"] < (1 - STILL) * (1 - acquired["median"]):
        found.append(
            "The slices of a volume hardly differ from each other: their adjacent-slice correlation is "
            f"{drawn['median']:.3f}, that of acquired volumes {acquired['median']:.3f}."
        )
    depth, stranger = (summary.scores["depth_error_mm"].get(name) for name in (GENERATED, WRONG_PATIENT))
    least = max(LOST_MM, LOST_TIMES * stranger["median"]) if stranger else LOST_MM
    if depth and depth["median"] >= least:
        found.append(
            f"Depth is not controlled: slices look most like acquired slices {depth['median']:.0f} mm away from theirs."
        )
    ours, ceiling, mean = (summary.scores["psnr"].get(name) for name in (GENERATED, VAE_CEILING, MEAN_VOLUME))
    # A reconstruction that lies under the mean volume is no ceiling: a mean outdoes it, and so may an honest model.
    under = ceiling and mean and ceiling["median"] < mean["median"]
    if ours and ceiling and not under and ours["median"] > ceiling["median"]:
        found.append(
            f"The volumes are closer to the acquired ones ({ours['median']:.1f} dB) than the model's own VAE can bring "
            f"them ({ceiling['median']:.1f} dB): acquired data have got into them."
        )
    return found


def _beyond(summary: Summary) -> list[str]:
    """Sentences on what likeness does not tell."""
    lines = recognition_lines(summary)
    swap = summary.differences["ssim"].get(SWAPPED)
    if swap and swap["verdict"] in ("better", "no better", "worse"):
        follows = swap["verdict"] == "better"
        lines.append(
            "Swapping the radiograph for another patient's "
            + (
                "makes the volume less like the acquired one"
                if follows
                else "makes no volume less like the acquired one"
            )
            + f" (SSIM {_range('ssim', swap['interval'])}): the volumes "
            + ("follow" if follows else "do not follow")
            + " radiograph and grades by this measure."
            + swapped_share(summary)
        )
    samples = summary.samples
    if samples:
        lines.append(
            f"The adjacent-slice correlation is {samples['adjacent']:.2f}; without the chance that differs from sample "
            f"to sample it would be {samples['anatomy']:.2f}. {100 * samples['within_2_sd']:.0f} % of the acquired "
            "voxels lie within two standard deviations of the samples' mean; of honest samples "
            f"{100 * samples['expected_2_sd']:.0f} % would."
        )
    flips = summary.flips
    if flips and flips["change"] < UNSEEN:
        lines.append(f"Other grades ({', '.join(flips['grades'])}) change nothing that can be seen in the volumes.")
    elif flips and flips["inside"] is not None and flips["interval"]:
        placed = flips["interval"][0] > 1
        lines.append(
            f"Other grades ({', '.join(flips['grades'])}) change their own place {flips['inside']:.1f} times as much "
            f"as the volume on average (95 % interval {flips['interval'][0]:.1f} to {flips['interval'][1]:.1f}): "
            + ("they act in their place." if placed else "they have no place of their own.")
        )
    return lines


def _range(metric: str, interval: Sequence[float]) -> str:
    low, high = (BY_NAME[metric].text(bound, sign="+") for bound in interval)
    return f"{low} to {high} {BY_NAME[metric].unit}".rstrip()


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
