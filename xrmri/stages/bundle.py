"""Put a trained model into the package, its weights in 16 bits: `python -m xrmri.stages.bundle LDM [DATASET]`.

With the dataset it was trained on, what train-ldm has not fitted is fitted first: sampler, noise along depth, and what
its radiographs have in common. LDM may also be the result of `xrmri.stages.gpu_model`, a model in parts.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from xrmri.facts.folders import FAMILIAR, TEMPLATE, read_model_facts
from xrmri.making.parcel import is_parcel, unpack
from xrmri.pretrained import BUNDLED_LDM
from xrmri.runs.ending import exit_code_of
from xrmri.runs.folder import renew
from xrmri.runs.record import require_finished
from xrmri.storage.files import copy_file

# What takes seconds to load stands in functions: a signal that comes meanwhile is to end the program in its one line.


def make(ldm: Path, dataset: Path | None) -> None:
    """Copy the model that train-ldm finished in a folder to where `generate` finds it without --model."""
    if is_parcel(ldm):
        with TemporaryDirectory() as folder:
            unpack(ldm, Path(folder))
            _into_package(Path(folder))
        return
    require_finished(ldm, "train-ldm")
    if dataset:
        _fit_what_is_missing(ldm, dataset)
    _into_package(ldm)


def _fit_what_is_missing(ldm: Path, dataset: Path) -> None:
    from xrmri.data.familiar import learn_familiar, write_familiar
    from xrmri.data.store import open_dataset
    from xrmri.learning.sampler_fit import add_fits

    data = open_dataset(dataset)
    if not read_model_facts(ldm).is_fitted:
        add_fits(ldm, data)
    if not (ldm / FAMILIAR).is_file():
        write_familiar(ldm, learn_familiar(data))
    renew(ldm)


def _into_package(ldm: Path) -> None:
    import torch

    from xrmri.models.bundle import load_bundle, save_bundle

    bundle = load_bundle(ldm)
    BUNDLED_LDM.mkdir(exist_ok=True)
    if bundle.facts.frame == "knee":
        copy_file(ldm / TEMPLATE, BUNDLED_LDM / TEMPLATE)
    if (ldm / FAMILIAR).is_file():
        copy_file(ldm / FAMILIAR, BUNDLED_LDM / FAMILIAR)
    save_bundle(BUNDLED_LDM, bundle, card=(ldm / "README.md").read_text(encoding="utf-8"), dtype=torch.float16)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m xrmri.stages.bundle", description=__doc__.partition("\n")[0])
    parser.add_argument("ldm", type=Path, help="folder that train-ldm finished, or a model in parts")
    parser.add_argument("dataset", type=Path, nargs="?", help="dataset it was trained on, to fit what is not")
    given = parser.parse_args()
    return exit_code_of(partial(make, given.ldm, given.dataset))


if __name__ == "__main__":
    sys.exit(main())
