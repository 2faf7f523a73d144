"""`--preset paper`, line by line beside the paper (arXiv 2410.06997v3): where it says a number, the preset has it."""

from pathlib import Path

import pytest

from xrmri.config import BuildDataset, DetectKnee, Evaluate, Generate, Phantom, TrainLdm, TrainVae
from xrmri.config.presets import PRESETS
from xrmri.data.features import feature_set

DOCS = Path(__file__).parents[2] / "docs" / "training.md"
KINDS = {kind.command(): kind for kind in (Phantom, DetectKnee, BuildDataset, TrainVae, TrainLdm, Generate, Evaluate)}
RECIPE = (
    ("learning_rate", "III-C: base learning rate of 1e-06", 1e-6),
    ("batch_size", "III-C: batch size of 64", 64),
    ("warmup_steps", "III-C: a warm-up every 100 steps", 100),
    ("decay", "III-C: lambda linear scheduler", "constant"),
    ("ema_decay", "III-C: EMA of 0.99", 0.99),
    ("max_steps", "III-C: 5,000 epochs of 2,983 pairs, 64 at a time", round(5_000 * 0.7 * 4_262 / 64, -3)),
    ("radiograph_grid", "III-B: the joint crop is resized to 256 x 256", "crop"),
    ("radiograph_variants", "III-B: no augmentation", 1),
    ("norm_groups", "II-B: GroupNorm, as its ancestors have it", 0),
)
LINES = (
    ("phantom", "other_sequences", "Fig. 4: three pulse sequences", True),
    ("detect-knee", "crop_pixels", "III-B: images of 299 x 299", 299),
    ("build-dataset", "slices", "III-B: 80 slices", 80),
    ("build-dataset", "first_slice", "III-B: from the 13th slice", 13),
    ("build-dataset", "last_slice", "III-B: to the 63rd; 50 remain", 63),
    ("build-dataset", "slice_window", "III-B: by number, from the 13th to the 63rd", ""),
    ("build-dataset", "size", "III-B: 256 x 256", 256),
    ("build-dataset", "plane", "III-B: T1-weighted, coronal", "coronal"),
    ("build-dataset", "series", "III-B: T1-weighted alone", ""),
    ("build-dataset", "frame", "III-B: nothing is registered", "scanner"),
    ("build-dataset", "feature_set", "Table I, Fig. 2", "paper"),
    ("build-dataset", "shares", "III-B: 7:2:1", (0.7, 0.2, 0.1)),
    *(("train-vae", *line) for line in RECIPE),
    ("train-vae", "channels", "II-B: 128, multiplied by 1, 2, 4 and 4", (128, 256, 512, 512)),
    ("train-vae", "blocks", "II-B: 2 residual blocks", 2),
    ("train-vae", "latent_channels", "II-B: 8 channels in, 4 of them the latent", 4),
    ("train-vae", "error", "eq. 6: squared", "squared"),
    ("train-vae", "perceptual_weight", "eq. 6: nothing else", 0.0),
    ("train-vae", "adversarial_weight", "eq. 6: nothing else", 0.0),
    ("train-vae", "radiograph_share", "Algorithm 1: slices x_d alone", 0.0),
    *(("train-ldm", *line) for line in RECIPE),
    ("train-ldm", "method", "IV-A: ours", "xray2mri"),
    ("train-ldm", "channels", "II-B: 320, multiplied by 1, 2, 4 and 4", (320, 640, 1280, 1280)),
    ("train-ldm", "blocks", "II-B: two residual blocks", 2),
    ("train-ldm", "attention", "II-B: at 4, 2 and 1", (True, True, True, False)),
    ("train-ldm", "heads", "II-B: 8 heads", 8),
    ("train-ldm", "context_width", "II-B: 768", 768),
    ("train-ldm", "guidance", "II-B: d and r embedded, each in its half", "context"),
    ("train-ldm", "halves", "II-B: d down, r up", "paper"),
    ("train-ldm", "anchor", "II-B: y itself is encoded and concatenated", False),
    ("train-ldm", "without", "IV-B: an ablation, else all readings", ()),
    ("train-ldm", "timesteps", "III-C: T = 2,000", 2_000),
    ("train-ldm", "prediction", "eq. 7 and 10: the noise", "epsilon"),
    ("train-ldm", "min_snr", "eq. 10: unweighted", 0.0),
    ("train-ldm", "latent_scale", "III-C: 0.2", 0.2),
    ("train-ldm", "fits", "eq. 9: DDIM as it is", False),
    ("generate", "num_slices", "IV-C: s = S = 50", 50),
    ("generate", "sampler", "eq. 9: DDIM", "ddim"),
    ("generate", "eta", "eq. 9: no noise added", 0.0),
    ("generate", "guidance", "eq. 10: the conditional model alone", 1.0),
    ("generate", "guidance_features", "eq. 10: likewise", 1.0),
    ("generate", "noise", "II-B: each depth starts with z_T", "independent"),
    ("generate", "samples", "Algorithm 2: one", 1),
    ("evaluate", "canny_sigma", "IV-A: a sigma of 3", 3.0),
)  # fmt: skip


@pytest.mark.parametrize(("command", "setting", "section", "value"), LINES)
def test_the_preset_has_what_the_paper_says(command, setting, section, value):
    assert getattr(KINDS[command].load(preset="paper"), setting) == value, section


def test_every_setting_that_names_the_paper_is_in_the_table_and_so_is_all_that_the_preset_changes():
    told = {(command, setting) for command, setting, *_ in LINES}
    named = {
        (command, name)
        for command, kind in KINDS.items()
        for name in kind.load().to_dict()
        if "(paper" in kind.meaning(name)
    }
    changed = {(command, name) for command, values in PRESETS["paper"].items() for name in values}
    assert named - told == set() and changed - told == set()
    assert len(told) == len(LINES)


def test_the_papers_readings_are_52_slots_without_narrowing_and_grade():
    readings = feature_set(BuildDataset.load(preset="paper").feature_set)
    assert readings.slots == 52 and not {"V00XRKL", "V00XRJSM", "V00XRJSL"} & set(readings.names)


def test_where_the_preset_cannot_be_the_paper_the_docs_say_so():
    told = DOCS.read_text(encoding="utf-8").partition("## The paper's settings")[2].partition("\n## ")[0]
    for words in ("by participant", "Table I", "denoising steps", "zero123.ckpt", "E2", "learning rate", "L_rec"):
        assert words in told, words
