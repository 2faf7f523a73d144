"""The files of an autoencoder or a model, as xrmri.json vouches for them: which there are, and their hashes.

That knees are synthetic stands in guidance.safetensors too: no edited text takes it away.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from xrmri.errors import InconsistentError
from xrmri.facts.folders import ModelFacts
from xrmri.models.weights import CONFIG, WEIGHTS
from xrmri.runs.record import read_record
from xrmri.runs.seals import require_sha256
from xrmri.storage.files import sha256

GUIDANCE = "guidance.safetensors"
AUTOENCODER = (CONFIG, WEIGHTS)
VAE, UNET, TOWER, ANCHOR, TISSUES = (
    tuple(f"{part}/{name}" for name in AUTOENCODER)
    for part in ("vae", "unet", "radiograph_encoder", "anchor", "tissues")
)
MODEL = (*VAE, *UNET, f"unet/{GUIDANCE}")
KNEES, SYNTHETIC, ACQUIRED = "knees", "synthetic", "acquired"
"""What guidance.safetensors says in its metadata."""
_ADVICE = "copy the folder again, or train again"


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of some files in a folder, by name."""
    return {name: sha256(folder / name) for name in names}


def require_parts(folder: Path, told: Mapping[str, str] | None, names: Iterable[str]) -> None:
    """Refuse a folder with a file that is not as it was written.

    Args:
        folder: from train-vae or train-ldm.
        told: the hashes in its xrmri.json; None in those of earlier versions, of which run.json tells.
        names: which files.

    Raises:
        InconsistentError: a file is missing or has changed.
    """
    record = read_record(folder) if told is None else None
    outputs = record.outputs if record else told
    for name in names:
        if not (folder / name).is_file():
            raise InconsistentError(f"{folder / name} is missing: {_ADVICE}")
        require_sha256(folder / name, outputs.get(name) if isinstance(outputs, Mapping) else None, _ADVICE)


def require_model(folder: Path, facts: ModelFacts) -> None:
    """Refuse a model of which a file has changed, or whose xrmri.json hides that its knees are synthetic.

    Raises:
        InconsistentError: as of `require_parts`, or the weights say otherwise.
    """
    parts = MODEL + TOWER * (facts.radiograph_token == "clip") + ANCHOR * bool(facts.anchor)
    require_parts(folder, facts.files, parts + TISSUES * bool(facts.tissues))
    file = folder / "unet" / GUIDANCE
    try:
        with safe_open(file, framework="pt") as content:
            knees = (content.metadata() or {}).get(KNEES)
    except (OSError, SafetensorError) as error:
        raise InconsistentError(f"{file} cannot be read ({error}): {_ADVICE}") from error
    if knees == SYNTHETIC and not facts.is_synthetic:
        raise InconsistentError(f"{file} was trained on synthetic knees, and xrmri.json says it was not: {_ADVICE}")
