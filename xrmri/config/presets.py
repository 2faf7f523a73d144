"""Named sets of settings: what differs from the defaults, and why.

Each value stands beside its reason; `--explain` prints both. The defaults are the paper but where a person who has no
paper in mind is better served otherwise: there "paper" says what the paper has.
"""

from typing import Any

from xrmri.errors import InputError

Reasoned = tuple[Any, str]

_DEMO_TRAINING: dict[str, Reasoned] = {
    "learning_rate": (4e-4, "choice: a small network from nothing; not tuned"),
    "decay": ("cosine", "choice: a fixed budget of hours ends at its best"),
    "ema_decay": (0.995, "choice: a short run"),
    "clip_norm": (1.0, "choice: a high learning rate"),
    "validate_steps": (250, "choice: a short run"),
    "picture_steps": (500, "choice: a short run"),
    "save_minutes": (5.0, "choice: a laptop may be closed"),
    "radiograph_grid": ("slice", "choice: a small network follows a bone that lies at the same place in both"),
    "radiograph_variants": (4, "choice: films are exposed as they please"),
}
_TINY_TRAINING: dict[str, Reasoned] = {
    "max_steps": (4, "choice: seconds, for tests"),
    "batch_size": (4, "choice: seconds, for tests"),
    "learning_rate": (1e-3, "choice: tests see the loss move"),
    "warmup_steps": (2, "choice: tests reach the plateau"),
    "log_steps": (1, "choice: tests see every loss"),
    "picture_steps": (4, "choice: tests see a picture"),
    "validate_steps": (2, "choice: tests see a validation"),
}
PRESETS: dict[str, dict[str, dict[str, Reasoned]]] = {
    "paper": {
        "build-dataset": {
            "feature_set": ("paper", "paper, Table I as its text and Fig. 2 tell of it: no narrowing, no KL grade"),
        },
        "train-vae": {
            "radiograph_share": (0.0, "paper, Algorithm 1: E1 and D are trained on the slices x_d alone"),
        },
        "train-ldm": {
            "fits": (False, "paper, eq. 9: it draws by DDIM from independent noise, and nothing is fitted"),
        },
        "generate": {
            "sampler": ("ddim", "paper, eq. 9"),
            "noise": ("independent", "paper, II-B: each of the S depths begins anew with its own z_T"),
        },
    },
    "zero123": {
        "train-ldm": {
            "timesteps": (1_000, "code: Zero-1-to-3"),
            "latent_scale": (0.18215, "code: Zero-1-to-3"),
        },
    },
    "demo": {
        "phantom": {
            "participants": (240, "choice: rendered in a quarter of an hour on two cores, trained on in two hours"),
            "matrix": (256, "choice: the size the networks see"),
        },
        "train-vae": _DEMO_TRAINING
        | {
            "max_steps": (3_000, "choice: under an hour of one core in fp32"),
            "batch_size": (16, "choice: fits the cache of two cores"),
            "channels": ((16, 32, 64, 128), "choice: a slice encodes in 80 and decodes in 200 core ms (measured)"),
            "blocks": (1, "choice: likewise"),
            "middle_attention": (False, "choice: it would see 64 latent pixels in training and 1,024 in use"),
            "crop": (64, "choice: a convolutional network learns from crops, 16 times cheaper"),
            "radiograph_share": (0.15, "choice: the radiograph must survive the encoder"),
        },
        "train-ldm": _DEMO_TRAINING
        | {
            "max_steps": (1_800, "choice: under an hour of a core: the anchor knows the knee, and texture is left"),
            "batch_size": (16, "choice: twice the steps of 32 in the same time"),
            "channels": ((48, 96, 144), "choice: half the time of 64, 128, 192; with an anchor less is left to know"),
            "blocks": (1, "choice: likewise"),
            "attention": ((False, False, True), "choice: attention at 16 x 16 too costs 40 % more (measured)"),
            "heads": (4, "choice: narrow levels"),
            "context_width": (64, "choice: the token is empty"),
            "radiograph_token": ("none", "choice: a CLIP tower has 300 M parameters"),
            "guidance": ("time", "choice: depth needs more than one linear map in a small network"),
            "timesteps": (1_000, "choice: as the public ancestors; a sampler visits few of them"),
            "prediction": ("v", "choice: evenly scaled from noise to image, for few denoising steps; not compared"),
            "zero_terminal_snr": (True, "choice: else brightness and place leak into the last step in training"),
            "latent_scale": (0.0, "choice: measured"),
            "projection_rate": (1.0, "choice: nothing is pretrained"),
            "covariates": (True, "choice: the phantom's cartilage, muscle and fat depend on them"),
            "drop_features": (0.1, "choice: the model must also work without readings"),
            "anchor": (True, "choice: without it 1.5 % of what distinguishes knees is followed (measured)"),
            "edge_weight": (12.0, "choice: as the anchor's; the plain loss fell on with it (measured)"),
            "anchor_steps": (1_800, "choice: two hours of a core, forty epochs of 720 knees"),
            "reader_steps": (2_000, "choice: an hour of two cores, eight epochs of 4,000 knees"),
            "reader_batch_size": (16, "choice: as the anchor's"),
        },
    },
    "tiny": {
        "phantom": {
            "participants": (10, "choice: the fewest that split into three"),
            "matrix": (64, "choice: seconds, for tests"),
        },
        "build-dataset": {"size": (64, "choice: seconds, for tests")},
        "train-vae": _TINY_TRAINING
        | {
            "channels": ((8, 8, 16), "choice: seconds, for tests"),
            "blocks": (1, "choice: likewise"),
        },
        "train-ldm": _TINY_TRAINING
        | {
            "channels": ((16, 32), "choice: seconds, for tests"),
            "blocks": (1, "choice: likewise"),
            "attention": ((False, True), "choice: likewise"),
            "heads": (2, "choice: likewise"),
            "context_width": (16, "choice: likewise"),
            "radiograph_token": ("none", "choice: no 300 M tower in a test"),
            "timesteps": (100, "choice: likewise"),
            "latent_scale": (0.0, "choice: measured"),
            "anchor_channels": ((16, 24, 32), "choice: seconds, for tests"),
            "fits": (False, "choice: seconds, for tests"),
        },
        "generate": {
            "steps": (3, "choice: seconds, for tests"),
            "num_slices": (6, "choice: seconds, for tests"),
        },
        "evaluate": {"bootstrap": (50, "choice: seconds, for tests")},
    },
}


MEANINGS = {
    "paper": "as published",
    "zero123": "as the public checkpoints it may start from",
    "demo": "the bundled model, hours of two cores",
    "tiny": "tests, seconds",
}
"""What each preset is for."""


def told_presets() -> str:
    """The presets, each with what it is for."""
    return ", ".join(f"{name} ({meaning})" for name, meaning in MEANINGS.items())


def values(preset: str | None, command: str) -> dict[str, Any]:
    """What a preset sets for one command; nothing for None."""
    return {name: value for name, (value, _) in reasons(preset, command).items()}


def reasons(preset: str | None, command: str) -> dict[str, Reasoned]:
    """Each value that a preset sets for one command, with its reason."""
    if preset is None:
        return {}
    if preset not in tuple(PRESETS):  # a file may give a list, which no key can be
        raise InputError(f"--preset must be one of {', '.join(PRESETS)}, not {preset!r}")
    return PRESETS[preset].get(command, {})
