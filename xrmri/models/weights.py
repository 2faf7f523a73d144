"""Networks on disk: diffusers' layout, safetensors only, each file complete or absent."""

import pickle
import struct
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from xrmri.errors import InconsistentError, InputError
from xrmri.storage.documents import read_document
from xrmri.storage.files import complete_or_absent, write_text
from xrmri.storage.limits import require_regular

if TYPE_CHECKING:  # an anchor needs no diffusers, which takes longer to import than torch
    from xrmri.models.from_diffusers import ConfigMixin

S = TypeVar("S")
N = TypeVar("N", bound=nn.Module)
CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
_FLOATS = frozenset(
    (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
)
"""What weights may be stored as; others, as of four bits, torch may not be able to turn into float32."""
_DAMAGE = (SafetensorError, RuntimeError, ValueError, OSError, ImportError, EOFError, LookupError, AttributeError,
           TypeError, AssertionError, ArithmeticError, struct.error, BadZipFile, MemoryError,
           RecursionError)  # fmt: skip
"""What reading a damaged file raises: torch's restricted unpickler lets the errors of its own steps out."""


def save_network(folder: Path, network: "ConfigMixin", dtype: torch.dtype = torch.float32) -> None:
    """Write a diffusers network so that its own from_pretrained reads it; weights on disk have `dtype`."""
    folder.mkdir(exist_ok=True)
    write_text(folder / CONFIG, network.to_json_string())
    save_weights(folder / WEIGHTS, network, dtype)


def save_weights(
    file: Path,
    network: nn.Module,
    dtype: torch.dtype = torch.float32,
    *,
    said: tuple[str, str] = ("format", "pt"),
    rough: Collection[str] = (),
) -> None:
    """Write the weights of a network, and in their metadata one thing that is `said` of them: a name and a text.

    Where weights take 16 bits, those that are `rough` take 8: three bits and a sign behind a power of two.
    """
    state = {name: value.detach().to("cpu", dtype).contiguous() for name, value in network.state_dict().items()}
    if dtype == torch.float16:
        state |= {name: state[name].to(torch.float8_e4m3fn) for name in rough if name in state}
    with complete_or_absent(file) as partial:
        # One metadata key, since safetensors writes several in an order that changes from process to process.
        save_file(state, partial, metadata=dict([said]))
        partial.chmod(0o644)  # safetensors lets nobody but the owner read; models are shared


def load_weights(file: Path, network: nn.Module) -> None:
    """Read all weights of a network, in whatever precision they were stored.

    The network takes the tensors over, so that one built without memory ("meta") needs none before.

    Raises:
        InconsistentError: the file is missing, damaged, holds numbers that are not finite, or is of another network.
    """
    try:
        require_regular(file)
        state = load_file(file)
    except (InputError, OSError, SafetensorError, ValueError) as error:
        raise InconsistentError(f"{file} cannot be read ({error}): copy the folder again, or train again") from error
    for name, value in state.items():
        if value.dtype not in _FLOATS:
            raise InconsistentError(f"{file}: {name} holds {value.dtype}, no weights: copy the folder again")
        if not torch.isfinite(value.float()).all():
            raise InconsistentError(f"{file}: {name} holds numbers that are not finite: train again")
    try:
        # A copy, because what safetensors gives is the file itself, which somebody may replace while we train.
        network.load_state_dict(
            {name: value.to(torch.float32, copy=True) for name, value in state.items()}, assign=True
        )
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise InconsistentError(f"{file} does not fit its {CONFIG} ({first}): copy the folder again") from error


@contextmanager
def unfilled() -> Iterator[None]:
    """Build networks without memory or first weights, for those that are to be loaded.

    First weights are left out because drawing them on "meta" imports torch's compiler, which takes as long as torch.
    """
    with torch.device("meta"), _NoFirstWeights():
        yield


class _NoFirstWeights(TorchFunctionMode):
    """Leaves tensors as they are where torch.nn.init would fill them."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run a function of torch, or do without."""
        if getattr(function, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def load_sized(folder: Path, sizes: type[S], build: Callable[[S], N]) -> N:
    """The network that the sizes in a folder's config.json make, with the weights beside it, in float32 on the CPU.

    Raises:
        InconsistentError: a file is missing, damaged, or of another network.
    """
    file, advice = folder / CONFIG, "copy the folder again, or train again"
    if not file.is_file():
        raise InconsistentError(f"{file} is missing: {advice}")
    with unfilled():
        network = build(read_document(file, sizes, advice=advice, damaged=InconsistentError))
    load_weights(folder / WEIGHTS, network)
    return network


def read_tensors(file: Path, role: str) -> dict[str, Tensor]:
    """The tensors in somebody's safetensors file or torch checkpoint, mapped into memory and not read yet.

    Nothing in the file is run: torch reads with weights_only, and whatever else lies beside the tensors (Lightning
    keeps objects of its callbacks there) becomes an empty placeholder.

    Args:
        file: where they are; in a checkpoint, under "state_dict" or at the top.
        role: what a person calls the file, for the message.

    Raises:
        InputError: the file cannot be read, or holds no tensors.
    """
    if not file.is_file():
        raise InputError(f"{role} {file} is not a file")
    try:
        _require_honest(file)
        if file.suffix == ".safetensors":
            state: Any = load_file(file)
        elif is_zipfile(file):
            with _placeholders(file):
                state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        else:  # as torch wrote before 1.6, and older public files still are; it cannot be mapped
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch remarks on versions that it does not know
                state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{role} {file} is no checkpoint, or holds more than weights: give safetensors") from error
    except _DAMAGE as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise InputError(f"{role} {file} cannot be read ({reason}): copy it again, or give safetensors") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    state = state if isinstance(state, dict) else {}
    tensors = {str(name): value for name, value in state.items() if isinstance(value, Tensor)}
    odd = next((name for name, one in tensors.items() if one.is_floating_point() and one.dtype not in _FLOATS), None)
    if odd:
        raise InputError(f"{role} {file}: {odd[:80]} holds {tensors[odd].dtype}, which is not read: give float32")
    claimed = next((name for name, value in tensors.items() if _claims_more(value)), None)
    if claimed:
        raise InputError(f"{role} {file}: {claimed[:80]} claims more numbers than the file holds: copy it again")
    if not tensors:
        raise InputError(f"{role} {file} holds no weights: give a checkpoint with a state_dict")
    return tensors


def _require_honest(file: Path) -> None:
    """ValueError for an archive that would unpack to more than it is, as torch stores and does not pack, or is damaged.

    torch leaves the checksums of its archives unread, and takes whatever numbers lie there.
    """
    require_regular(file)
    if is_zipfile(file):
        with ZipFile(file) as archive:
            members = archive.infolist()
            if any(one.compress_type != ZIP_STORED for one in members):
                raise ValueError("it is packed")
            if sum(one.file_size for one in members) > file.stat().st_size:
                raise ValueError("it claims more than it holds")
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged[-40:]} in it is damaged")


def _claims_more(value: Tensor) -> bool:
    """Whether a tensor has more numbers than are stored, as one that repeats itself has."""
    return value.layout != torch.strided or value.numel() * value.element_size() > value.untyped_storage().nbytes()


@contextmanager
def _placeholders(file: Path) -> Iterator[None]:
    """Let weights_only step over objects that are not tensors, without importing what they are."""
    names = get_unsafe_globals_in_checkpoint(file)
    found: list[Any] = [(type("Placeholder", (_Placeholder,), {}), name) for name in names]
    with safe_globals(found):
        yield


class _Placeholder:
    """Stands for an object of a library that need not be here; it does nothing."""

    def __new__(cls, *args: object, **kwargs: object) -> "_Placeholder":
        return super().__new__(cls)

    def __init__(self, *args: object, **kwargs: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def count_parameters(network: nn.Module) -> int:
    """How many numbers a network holds."""
    return sum(parameter.numel() for parameter in network.parameters())
