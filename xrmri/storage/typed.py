"""Values from outside, made and checked by the types that a frozen dataclass gives its fields.

A field without a default must be there; what a dataclass does not know is left out; a field that is None is not
written.
"""

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

R = TypeVar("R")
_LARGEST_INT, _LARGEST_FLOAT = 2**63 - 1, sys.float_info.max
_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", NoneType: "null"}


class UnfitError(ValueError):
    """What is wrong with a value, without the name of its document: "size must be a whole number, not 'x'"."""


@dataclass(frozen=True, slots=True)
class Between:
    """The range of a number, or of each in a list: `Annotated[int, Between(1, 4096)]`; both ends allowed."""

    low: float
    high: float = math.inf


def record_of(kind: type[R], content: Mapping[str, Any], *, place: str = "") -> R:
    """A dataclass from what a JSON object says, checked field by field.

    Args:
        kind: its fields have the types int, float, str, bool, None, Literal, `tuple[X, ...]`, `tuple[X, Y]`,
            `Mapping[str, X]`, dataclasses, typed dicts, unions of these, Annotated with Between, or Any.
        content: the object; names that the dataclass does not have are left out.
        place: of the object in its document, ending in a dot.

    Raises:
        UnfitError: something is missing, of another type or out of its range; a ValueError of its __post_init__ too.
    """
    given = {}
    for field, hint in _typed_fields(kind):  # type: ignore[arg-type]
        if field.name in content:
            given[field.name] = fitted(content[field.name], hint, f"{place}{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise UnfitError(f"{place}{field.name} is missing")
    try:
        return kind(**given)
    except UnfitError:
        raise
    except ValueError as error:
        raise UnfitError(str(error)) from error


def content_of(record: Any) -> Any:
    """What JSON holds of a dataclass, and of dataclasses inside it; fields that are None are left out."""
    if is_dataclass(record) and not isinstance(record, type):
        values = ((field.name, getattr(record, field.name)) for field in fields(record))
        return {name: content_of(value) for name, value in values if value is not None}
    if isinstance(record, tuple | list):
        return [content_of(value) for value in record]
    if isinstance(record, Mapping):
        return {name: content_of(value) for name, value in record.items()}
    return record


def fitted(value: Any, kind: Any, place: str) -> Any:
    """A value as a type wants it: lists become tuples, objects dataclasses, and a whole number passes for a number.

    Raises:
        UnfitError: another type, or out of range; `place` begins the complaint.
    """
    if not is_like(value, kind):
        raise UnfitError(f"{place} must be {type_name(kind)}, not {shown(value)}")
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        value = fitted(value, inner[0], place)
        _require_ranges(value, inner[1:], place)
    elif origin in (Union, UnionType):
        value = fitted(value, next(one for one in inner if is_like(value, one)), place)
    elif origin is tuple:
        value = tuple(fitted(one, of, f"{place}[{i}]") for i, (one, of) in enumerate(_items(value, inner, place)))
    elif origin is not None and origin is not Literal:
        value = {name: fitted(one, inner[1], f"{place}.{name}") for name, one in value.items()}
    elif is_typeddict(kind):
        value = _typed_dict_of(kind, value, f"{place}.")
    elif is_dataclass(kind) and not isinstance(value, kind):  # type: ignore[arg-type]
        value = record_of(kind, value, place=f"{place}.")  # type: ignore[arg-type]
    return value


def is_like(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, whatever is inside it."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is Annotated:
        return is_like(value, inner[0])
    if origin in (Union, UnionType):
        return any(is_like(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if kind in (int, float):
        return is_number(value, kind)
    is_object = origin or is_dataclass(kind) or is_typeddict(kind)
    wanted: Any = (list, tuple) if origin is tuple else Mapping if is_object else kind
    return isinstance(value, wanted)


def is_number(value: Any, kind: type[int] | type[float]) -> bool:
    """Whether a value is a number that a machine can hold: an int within 64 bits, or what a double can be."""
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        return False
    return bool(abs(value) <= (_LARGEST_INT if kind is int else _LARGEST_FLOAT))


def type_name(kind: Any) -> str:
    """A type as a person reads it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return type_name(inner[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin in (Union, UnionType):
        return " or ".join(type_name(one) for one in inner)
    return "a list" if origin is tuple else _NAMES.get(kind, "an object")


def shown(value: Any) -> str:
    """A value in a complaint, cut off where it is long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _typed_dict_of(kind: Any, content: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What a typed dict knows of an object, checked as `record_of` checks."""
    hints = get_type_hints(kind, include_extras=True)
    for name in kind.__required_keys__ - content.keys():
        raise UnfitError(f"{place}{name} is missing")
    return {name: fitted(content[name], hint, f"{place}{name}") for name, hint in hints.items() if name in content}


def _items(values: Any, kinds: tuple[Any, ...], place: str) -> list[tuple[Any, Any]]:
    """The values of a list, each with its type."""
    if kinds[-1] is Ellipsis:
        return [(one, kinds[0]) for one in values]
    if len(values) != len(kinds):
        raise UnfitError(f"{place} must hold {len(kinds)} values, not {len(values)}")
    return list(zip(values, kinds, strict=True))


def _require_ranges(value: Any, limits: tuple[Any, ...], place: str) -> None:
    values = value if isinstance(value, tuple) else () if value is None else (value,)
    for limit in (one for one in limits if isinstance(one, Between)):
        if not all(limit.low <= one <= limit.high for one in values):
            ends = f"at least {limit.low:g}" if limit.high == math.inf else f"{limit.low:g} to {limit.high:g}"
            raise UnfitError(f"{place} must be {ends}, not {shown(value)}")


@cache
def _typed_fields(kind: type) -> list[tuple[Field[Any], Any]]:
    """The fields of a dataclass that its constructor takes, with their types."""
    hints = get_type_hints(kind, include_extras=True)
    return [(field, hints[field.name]) for field in fields(kind) if field.init]
