"""Every setting of every command, a file each; the defaults are the paper (Wang et al., arXiv 2410.06997).

Sources: "paper" is said there; "code" was read in the public code it descends from; "choice" is ours.
Precedence: default < preset < config file < option. An unknown name is an error.
"""

from xrmri.config.build_dataset import BuildDataset
from xrmri.config.detect_knee import DetectKnee
from xrmri.config.evaluate import Evaluate
from xrmri.config.execution import Execution, Progress, silent
from xrmri.config.generate import Generate, SamplerName
from xrmri.config.phantom import Phantom
from xrmri.config.settings import Config
from xrmri.config.train_ldm import MethodName, TrainLdm
from xrmri.config.train_tissues import TrainTissues
from xrmri.config.train_vae import TrainVae
from xrmri.config.training import Training

COMMANDS: dict[str, type[Config]] = {
    kind.command(): kind for kind in (Phantom, DetectKnee, BuildDataset, TrainVae, TrainLdm, Generate, Evaluate)
}
"""Every command that has settings; a TOML file has a table for each it speaks of."""

__all__ = [
    "COMMANDS",
    "BuildDataset",
    "Config",
    "DetectKnee",
    "Evaluate",
    "Execution",
    "Generate",
    "MethodName",
    "Phantom",
    "Progress",
    "SamplerName",
    "TrainLdm",
    "TrainTissues",
    "TrainVae",
    "Training",
    "silent",
]
