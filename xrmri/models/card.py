"""The model card that every trained model carries: what it is, what it is not for, how it was made."""

from xrmri.facts.folders import AutoencoderFacts, ModelFacts

_LIMITS = """## Not for

Diagnosis, treatment, or any clinical decision: what a radiograph does not show (menisci, ligaments, cartilage) is
invented by the model. The method's authors do not offer it as a replacement of MRI either."""


def autoencoder_card(facts: AutoencoderFacts) -> str:
    """README.md of a folder of train-vae."""
    return f"""# Autoencoder of knee MRI slices and radiographs

Turns images of {facts.image_size} x {facts.image_size} pixels into latents and back: E1 and D of Wang et al.,
arXiv 2410.06997. Written by `xrmri train-vae`; weights in diffusers' layout (AutoencoderKL).

{_LIMITS}

## Data

{_data(facts)}

## Quality

Held-out slices {facts.psnr_db:.1f} dB, held-out radiographs {facts.radiograph_psnr_db:.1f} dB (PSNR of the
reconstruction, data range from black to white).

## Recipe

{_recipe(facts)}
"""


def model_card(facts: ModelFacts) -> str:
    """README.md of a folder of train-ldm."""
    return f"""# Knee MRI from a radiograph

Draws {facts.slices} {facts.plane} slices of {facts.image_size} x {facts.image_size} pixels, {facts.sequence} in
contrast, for a radiograph of one knee and its radiographic features: the latent diffusion model of Wang et al.,
arXiv 2410.06997. Written by `xrmri train-ldm`; read by `xrmri generate --model`.

{_LIMITS}

## Data

{_data(facts)}

## Inputs

A joint crop of a PA radiograph, and up to {len(facts.features)} readings, each of which may be missing:
{", ".join(facts.features)}. Of the participant: {", ".join(facts.covariates) or "nothing"}.

## Recipe

Validation loss {facts.validation_loss:.4f} ({facts.schedule.prediction} prediction).{_anchor(facts)}

{_recipe(facts)}
{_tissues(facts)}"""


def _tissues(facts: ModelFacts) -> str:
    """How well label maps fit, where there are any."""
    if facts.tissues is None:
        return ""
    rows = "\n".join(f"| {tissue} | {dice:.2f} |" for tissue, dice in facts.tissues.dice.items())
    return f"""
## Label maps

`generate --labels`: what each voxel is made of, learnt from {facts.tissues.people} drawn people whose every voxel is
known. Dice's overlap with the truth, of drawn people held out, as the autoencoder gives them back:

| tissue | Dice |
|---|---|
{rows}
"""


def _anchor(facts: ModelFacts) -> str:
    """What the anchor is worth, where there is one."""
    if facts.anchor is None:
        return ""
    pairs, share = facts.anchor.pairs, 100 * facts.anchor.r2
    films = f" What is\nknown of {facts.anchor.films} knees on films taught its reader." if facts.anchor.films else ""
    if facts.anchor.patterns:
        found = facts.anchor.patterns
        signs = f", of {', '.join(found.signs)} by their own" if found.signs else ""
        films += (
            f"\n{found.pairs} pairs of other people taught it patterns, which tell {100 * found.share:.1f} % of what "
            f"it missed{signs}."
        )
    return (
        f" The anchor learnt from {pairs} pairs and explains\n{share:.1f} % of the variance between held-out people at "
        f"its own resolution (R²); the denoiser is shown its slices in\nplace of the radiograph.{films}"
    )


def _data(facts: AutoencoderFacts | ModelFacts) -> str:
    return f"Trained on {facts.trained_on}; fingerprint of the data set {facts.dataset_sha256[:16]}."


def _recipe(facts: AutoencoderFacts | ModelFacts) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in facts.config.items())
