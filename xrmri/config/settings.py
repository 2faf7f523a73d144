"""What the settings of all commands share: where a value comes from, what it means, what is refused."""

import ast
import inspect
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from xrmri.data_manifests import feature_sets
from xrmri.errors import InputError
from xrmri.storage.documents import LARGEST_BYTES, read_json
from xrmri.storage.limits import read_whole
from xrmri.storage.typed import is_number


class Config:
    """What all settings share: where a value comes from, and what it means."""

    free: ClassVar[tuple[str, ...]] = ()
    """Settings that change no result, so that a run may go on with others."""

    @classmethod
    def command(cls) -> str:
        """The command these settings belong to: TrainLdm -> train-ldm."""
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).lstrip("-")

    @classmethod
    def load(cls, *, preset: str | None = None, file: Path | None = None, shared: bool = True, **given: Any) -> Self:
        """Settings from a preset, a config file (TOML, or an earlier run.json) and options; None is "not given".

        What stands above all tables of a TOML file is for the command that is run: not `shared` with others' settings.
        """
        from xrmri.config.presets import values

        saved = _read(file, cls.command(), shared=shared) if file else {}
        preset = preset or saved.pop("preset", None)
        return cls.of({**values(preset, cls.command()), **saved, **{k: v for k, v in given.items() if v is not None}})

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """Settings by their names, as a run wrote them; InputError for an unknown name and a value of another type."""
        known = {item.name: item.type for item in fields(cls)}  # type: ignore[arg-type]
        for name in chosen:
            if name not in known:
                raise InputError(f"{cls.command()} has no setting {name[:60]!r}; it has {', '.join(known)}")
        chosen = {name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()}
        for name, value in chosen.items():
            if not _fits(value, known[name]):
                raise InputError(f"{cls.command()}: {name} must be {_type_name(known[name])}, not {value!r:.60}")
        return cls(**chosen)

    @classmethod
    def default(cls, name: str) -> Any:
        """The value a setting has when nobody gives one."""
        return next(item.default for item in fields(cls) if item.name == name)  # type: ignore[arg-type]

    @classmethod
    def meaning(cls, name: str) -> str:
        """The sentence under a setting where it is declared: unit, meaning, source."""
        kinds = (kind for kind in cls.__mro__ if issubclass(kind, Config))
        return next(found[name] for kind in kinds if name in (found := _meanings(kind)))  # type: ignore[arg-type]

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """The values that a setting may have, where they are a list; else none."""
        if name == "feature_set":
            return tuple(feature_sets())
        kind = next(item.type for item in fields(cls) if item.name == name)  # type: ignore[arg-type]
        return tuple(get_args(kind)) if get_origin(kind) is Literal else ()

    def to_dict(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        return dict(json.loads(json.dumps(asdict(self))))  # type: ignore[call-overload]


@cache
def _meanings(kind: type) -> dict[str, str]:
    """The docstring under each field of a class, in the file where it stands."""
    for node in ast.parse(inspect.getsource(inspect.getmodule(kind))).body:  # type: ignore[arg-type]
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
            return {
                here.target.id: " ".join(below.value.value.split())  # type: ignore[attr-defined, union-attr]
                for here, below in zip(node.body, node.body[1:], strict=False)
                if isinstance(here, ast.AnnAssign) and isinstance(below, ast.Expr)
            }
    return {}


def _read(file: Path, command: str, *, shared: bool) -> dict[str, Any]:
    """The settings of one command in a TOML file or an earlier run.json."""
    from xrmri.config import COMMANDS

    if file.suffix == ".json":
        content = read_json(file, called=f"--config {file}", advice="give a TOML file, or the run.json of a run")
        if content.get("command") != command:
            raise InputError(f"--config {file} is a run of {content.get('command')!r}, not of {command}")
        own, above = content.get("config"), {}
    else:
        try:
            content = tomllib.loads(read_whole(file, LARGEST_BYTES).decode("utf-8"))
        except InputError as error:
            raise InputError(f"--config {error}") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"--config {file} cannot be read: {error}") from error
        tables = [name for name, value in content.items() if isinstance(value, dict) and name not in COMMANDS]
        if tables:
            raise InputError(f"--config {file}: [{tables[0]}] is no command; there are {', '.join(COMMANDS)}")
        own = content.get(command, {})
        above = {key: value for key, value in content.items() if key != command and not isinstance(value, dict)}
    if not isinstance(own, dict):
        raise InputError(f"--config {file}: the settings of {command} are no table of names and values")
    return {**above, **own} if shared else own


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value has the type its field declares (int passes for float)."""
    if kind in (int, float):
        return is_number(value, kind)
    origin = getattr(kind, "__origin__", None)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, kind.__args__[0]) for item in value)
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in kind.__args__)
    if origin is Literal:
        return isinstance(value, str)  # which of them, `choices` says
    if origin is not None:
        return isinstance(value, origin)
    return isinstance(value, kind)


def _type_name(kind: Any) -> str:
    """A type as a person reads it."""
    return getattr(kind, "__name__", str(kind)) if not hasattr(kind, "__args__") else str(kind)


def require(holds: bool, message: str) -> None:
    """Refuse what does not hold."""
    if not holds:
        raise InputError(message)


def require_one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse what is none of the values allowed."""
    require(value in allowed, f"{option} must be one of {', '.join(allowed)}, not {value[:60]!r}")


def require_pattern(option: str, text: str) -> None:
    """Refuse what is no regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise InputError(f"{option} is not a regular expression ({error}): {text!r}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Seeded(Config):
    """What every command has."""

    seed: int = 0
    """Seed of everything random; the same seed gives the same bytes."""

    def __post_init__(self) -> None:
        """Refuse impossible values, in the user's words."""
        require(0 <= self.seed < 2**63, f"--seed must be at least 0, not {self.seed}")
        for item in fields(self):
            if choices := self.choices(item.name):
                require_one_of(f"--{item.name.replace('_', '-')}", getattr(self, item.name), choices)
