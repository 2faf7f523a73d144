"""Sentences of the report: what was asked beyond likeness, and the methods paragraph."""

from xrmri.evaluation.entries import (
    CopiesEntry,
    DiversityEntry,
    FlipEntry,
    RecognisedEntry,
    SamplesEntry,
    SetDistancesEntry,
)
from xrmri.evaluation.result import Summary
from xrmri.evaluation.sources import BY_NAME
from xrmri.metrics.table import METRICS
from xrmri.records import UNSEEN

Line = tuple[str, str]


def beyond(summary: Summary) -> list[Line]:
    """What was asked beyond likeness: a title and a sentence each, also where the answer is that nobody can tell."""
    audit = summary.audit
    return [
        _identification(summary.identification),
        _copies("Memorisation", "training volume", audit["memorisation"]),
        _copies("Copies", "volume of another patient", audit["other_patients"]),
        _diversity(audit["diversity"]),
        _set_distances(summary.set_distances),
        *_samples(summary.samples),
        _grades(summary.flips),
    ]


def _identification(found: RecognisedEntry | None) -> Line:
    words = "needs two participants."
    if found:
        interval = " to ".join(f"{100 * bound:.0f}" for bound in found["interval"]) + " %" if found["interval"] else "–"
        words = (
            f"{100 * found['accuracy']:.0f} % of the volumes (95 % interval {interval}) are closest to "
            f"their own patient's acquired volume among {found['candidates']}; guessing gives "
            f"{100 * found['chance']:.0f} %. The median rank is {found['median_rank']:.0f}; guessing gives "
            f"{(found['candidates'] + 1) / 2:.1f}."
        )
    return "Identification", words


def _copies(title: str, whose: str, found: CopiesEntry | None) -> Line:
    words = f"not examined: there is no {whose}."
    if found:
        words = (
            f"a generated volume lies {found['generated']:.3f} from the nearest {whose}, an acquired one "
            f"{found['acquired']:.3f} (root mean square of the volumes in brief, medians). {found['copies']} of "
            f"{found['volumes']} are all but copies."
        )
    return title, words


def _diversity(found: DiversityEntry | None) -> Line:
    words = "needs two participants whose acquired volumes differ."
    if found and found["ratio"] is not None:
        words = f"volumes of different people differ by {100 * found['ratio']:.0f} % of what acquired ones differ by."
    return "Diversity", words


def _set_distances(found: SetDistancesEntry | None) -> Line:
    words = "not computed: there are too few slices."
    if found and found["distances"]:
        told = ", ".join(f"{BY_NAME[name].label} {value:.2f}" for name, value in found["distances"].items())
        words = (
            f"{told}. Squared distance of {found['slices']} slices each from acquired slices, on {found['features']}. "
            "The nearest training cases are acquired volumes of other people: theirs is what two sets of real slices "
            "are apart. This is not the FID, which uses another network."
        )
    return "Fréchet distance", words


def _samples(found: SamplesEntry | None) -> list[Line]:
    calibration = chance = "not examined: draw the volumes with --samples 2 or more."
    if found:
        calibration = (
            f"{100 * found['within_1_sd']:.0f} % of the acquired voxels lie within one and "
            f"{100 * found['within_2_sd']:.0f} % within two standard deviations of the samples' mean; honest samples "
            f"would hold {100 * found['expected_1_sd']:.0f} % and {100 * found['expected_2_sd']:.0f} %. The error is "
            f"{found['error_per_sd']:.1f} times the standard deviation; the two rank voxels alike by "
            f"{found['rank_correlation']:.2f} (Spearman). {found['volumes']} volumes."
        )
        chance = (
            f"neighbouring slices correlate by {found['adjacent']:.3f}; the same slice in two samples by "
            f"{found['reliability']:.3f}. Freed of what differs from sample to sample, neighbours would correlate by "
            f"{found['anatomy']:.3f}."
        )
    return [("Uncertainty", calibration), ("Chance and anatomy", chance)]


def _grades(found: FlipEntry | None) -> Line:
    words = "not examined: give volumes drawn with other grades by --flipped."
    if found:
        pairs = ((name, *("missing" if g is None else g for g in both)) for name, both in found["grades"].items())
        told = ", ".join(f"{name} {before} to {after}" for name, before, after in pairs)
        place = "; no joint was seen in which to look for their place"
        if found["inside"] is not None and found["interval"]:
            low, high = found["interval"]
            place = f", the grades' own place {found['inside']:.2f} times as much ({low:.2f} to {high:.2f})"
        nothing = " That is nothing that can be seen: the model does not go by them." * (found["change"] < UNSEEN)
        words = (
            f"{told}: the volumes change by {found['change']:.3f} of the window (root mean square){place}. "
            f"{found['volumes']} volumes.{nothing}"
        )
    return "Grades", words


def methods(summary: Summary) -> str:
    """A paragraph that an author can copy: what was computed, how, with what."""
    counts, settings, version = summary.counts, summary.settings, summary.versions
    libraries = ", ".join(f"{name} {number}" for name, number in version.items() if name not in ("xrmri", "python"))
    drawn = summary.generated_with["config"]
    metrics = [metric.methods.format(settings=settings, counts=counts) for metric in METRICS if metric.methods]
    how = ""
    if drawn:
        how = (
            f" Volumes of {drawn['num_slices']} slices were drawn in {drawn['steps']} steps"
            f" ({drawn['sampler']}, eta {drawn['eta']}, guidance {drawn['guidance']}, {drawn['noise']} noise,"
            f" seed {drawn['seed']})."
        )
    return (
        f"{counts['volumes']} synthetic volumes of {counts['participants']} participants were compared slice by slice "
        f"with the acquired volumes.{how} Intensities were windowed to [0, 1] and all scores computed in double "
        f"precision with data range 1. {' '.join(metrics)} Values were averaged over slices and over a participant's "
        "volumes; medians carry 95 % percentile-bootstrap intervals over participants "
        f"({settings['bootstrap']} resamples, seed {settings['seed']}), differences within participants also "
        "Wilcoxon's signed-rank test. Computed with "
        f"xrmri {version.get('xrmri', 'unknown')} on Python {version['python']} ({libraries})."
    )
