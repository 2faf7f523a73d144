"""The first lines to try of each command, as its --help ends; a test gives each to the command."""

EXAMPLES = {
    "phantom": (
        ("xrmri phantom -o oai/ --participants 24 --matrix 128", "a small release, in minutes"),
        ("xrmri phantom -o oai/ --figures --labels", "with targets met or missed, and maps of tissues"),
    ),
    "detect-knee": (
        ("xrmri detect-knee film.dcm -o knees/ --overview", "one film, and a picture of what was found"),
        ("xrmri detect-knee films/ --side left -o knees/", "a folder of films of left knees"),
    ),
    "build-dataset": (
        ("xrmri build-dataset oai/ --dry-run", "what pairs up, and why the rest does not"),
        ("xrmri build-dataset oai/ -o dataset/ --frame knee", "every knee laid onto one template"),
        ("xrmri build-dataset --manifest-template cohort.csv", "an empty table for a cohort of your own"),
        ("xrmri build-dataset --manifest cohort.csv -o dataset/", "that cohort; a BIDS folder goes likewise"),
    ),
    "train-vae": (
        ("xrmri train-vae dataset/ --preset demo -o vae/", "hours of two cores"),
        ("xrmri train-vae dataset/ --preset paper --device cuda -o vae/", "as published"),
    ),
    "train-ldm": (
        ("xrmri train-ldm dataset/ vae/ --preset demo -o ldm/", "hours of two cores"),
        ("xrmri train-ldm dataset/ vae/ --preset paper --dry-run", "how large its networks would be"),
    ),
    "generate": (
        ("xrmri generate knee.png", "knee_mri.nii.gz here, by the bundled model"),
        ("xrmri generate knee.png --set kl=2 --html -o out/knee.nii.gz", "with a reading, and a page to look at"),
        ("xrmri generate film.dcm --both --mean -o out/", "the expected volume of both knees of a film"),
        ("xrmri generate knee.png --sweep kl -o sweep.nii.gz", "a volume at every grade, one picture of all"),
        ("xrmri generate dataset/ --model ldm/ -o volumes/", "the test split of a dataset"),
    ),
    "evaluate": (
        ("xrmri evaluate volumes/ dataset/ -o evaluation/", "then open evaluation/report.html"),
        ("xrmri evaluate volumes/ dataset/ --quick", "some slices only: a first look"),
    ),
}
"""Command -> lines, each with what it gives."""
LEGEND = (
    "Where a value comes from stands in brackets: paper (Wang et al., arXiv 2410.06997), code (the public code that "
    "the paper descends from), choice (ours), measured (ours, by measurement)."
)


def epilog(command: str) -> str:
    """What the help of a command ends with; \\b keeps lines as they are."""
    lines = "\n".join(f"  {line}\n      {meaning}" for line, meaning in EXAMPLES[command])
    return f"\b\nExamples:\n{lines}\n\n{LEGEND}"
