"""Values for messages: any that the schema allows, and any that it does not.

Both come from the types of `logan.wire` themselves, so a new field is tried without a word here.
Pure functions of a `random.Random`.
"""

from __future__ import annotations

import base64
import copy
import json
from functools import cache
from random import Random
from typing import Any, get_args

import msgspec
from msgspec import inspect

from logan.wire.messages import Message

__all__ = ["CLASSES", "any_json", "mutated", "some", "some_json"]

CLASSES: tuple[type[Any], ...] = get_args(Message)

FINGERPRINT = {
    "size": 560,
    "head": 1,
    "tail": 2,
    "inode": 3,
    "device": 4,
    "host": 5,
    "mtime_ns": 1_700_000_000_000_000_000,
}
LETTERS = "abcXYZ0189 ._-/*?[]{}\"\\\\'%:+üß€😀漢"
WORDS = ("gzip", "gzip+tar", "zip", "missing", "changed", "report", "active", "joined", "UTC")


@cache
def type_info(kind: Any) -> inspect.Type:
    """`inspect.type_info`, which takes a millisecond."""
    return inspect.type_info(kind)


def some(kind: Any, chance: Random) -> Any:
    """A value of the type `kind`, which may be a message, a body, or a part of one."""
    for _ in range(1_000):
        value = some_json(type_info(kind), chance)
        body = value.pop("body", None) if isinstance(value, dict) else None
        try:
            if body is None:
                return msgspec.convert(value, kind)
            return _with_body(kind, value, body)
        except msgspec.ValidationError:
            continue  # fields that must fit together
    raise AssertionError(f"no valid {kind.__name__} was found")


def _with_body(kind: type[Any], values: dict[str, Any], body: Any) -> Any:
    """`body` is raw bytes, or JSON; in a message it is never read from the line."""
    if isinstance(body, bytes):
        return msgspec.structs.replace(msgspec.convert(values, kind), body=body)
    return msgspec.convert(values | {"body": body}, kind)


def some_json(info: inspect.Type, chance: Random) -> Any:  # noqa: PLR0911, PLR0912 - a table
    """JSON, or raw bytes for the body of a message, that a type allows."""
    match info:
        case inspect.Metadata():
            return some_json(info.type, chance)
        case inspect.UnionType():
            return some_json(chance.choice(info.types), chance)
        case inspect.NoneType():
            return None
        case inspect.BoolType():
            return chance.random() < 0.5
        case inspect.IntType():
            return _integer(info, chance)
        case inspect.FloatType():
            return _float(info, chance)
        case inspect.LiteralType():
            return chance.choice(info.values)
        case inspect.DateTimeType():
            zone = chance.choice(["", "Z", "+05:30", "-11:00"])
            return f"{chance.randrange(1, 9999):04d}-02-28T23:59:59{zone}"
        case inspect.BytesType():
            data = chance.randbytes(chance.choice([0, 1, 10, 300]))
            return base64.b64encode(data).decode("ascii")
        case inspect.StrType():
            return _string(info, chance)
        case inspect.VarTupleType():
            most = min(info.max_length or 4, 4)
            return [
                some_json(info.item_type, chance)
                for _ in range(chance.randint(info.min_length or 0, most))
            ]
        case inspect.TupleType():
            return [some_json(each, chance) for each in info.item_types]
        case inspect.StructType():
            return _object(info, chance)
    raise AssertionError(f"a type that no message had: {info}")


def _object(info: inspect.StructType, chance: Random) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in info.fields:
        if not field.required and chance.random() < 0.3:
            continue
        if field.name == "fingerprint":
            size = chance.choice([0, 560, 2**40])
            values[field.name] = json.dumps(FINGERPRINT | {"size": size})
        elif field.name == "body" and isinstance(field.type, inspect.BytesType):
            values[field.name] = chance.randbytes(chance.choice([0, 1, 300]))
        else:
            values[field.name] = some_json(field.type, chance)
        if values[field.name] is None and field.default is None:
            del values[field.name]
    return values


def _integer(info: inspect.IntType, chance: Random) -> int:
    low = info.ge if info.ge is not None else (info.gt or 0) + 1
    high = info.le if info.le is not None else (info.lt or 2**63) - 1
    wild = chance.getrandbits(chance.randrange(1, 64))
    return max(low, min(high, chance.choice([low, low + 1, high, high - 1, wild, low + wild % 9])))


def _float(info: inspect.FloatType, chance: Random) -> float:
    low = info.ge if info.ge is not None else -1e300
    high = info.le if info.le is not None else 1e300
    return max(low, min(high, chance.choice([low, high, 0.0, 1.0, 2.5, chance.uniform(0, 1e12)])))


def _string(info: inspect.StrType, chance: Random) -> str:
    if info.pattern is not None and "0-9a-f" in info.pattern:
        return f"{chance.getrandbits(64):016x}"
    if info.pattern is not None and "start|end" in info.pattern:
        return chance.choice(["start", "end", "300", "0.5"])
    if info.pattern is not None and "a-z" in info.pattern:
        return chance.choice(WORDS[:3])
    if chance.random() < 0.2:
        return chance.choice(WORDS)
    least, most = info.min_length or 0, min(info.max_length or 40, 40)
    text = "".join(chance.choice(LETTERS) for _ in range(chance.randint(least, most)))
    if info.pattern is not None and "dc7f" in info.pattern and chance.random() < 0.2:
        return text[: most - 1] + "\udcff"  # a byte of a file name that is not UTF-8
    return text


# --- What no schema allows ---------------------------------------------------------------------

NUMBERS = (
    *(0, 1, -1, 2, 255, 2**16, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, 10**19),
    *(-(2**63), -(10**18), 0.0, -0.0, 0.5, 1.0, -1.5, 1e-320, 1e18, 1e300, -1e300),
)
STRINGS = (
    *("", "0", "x" * 129, "y" * 5_000, "\x00", "a\x00b", "\x1b[2J", "\n", "\u202e", "\ud800"),
    *(
        "\udc80",
        "../../etc/passwd",
        "/",
        "*",
        "**",
        "[",
        "{}",
        "null",
        "s3://b/k",
        "https://[",
        "-",
    ),
)


def any_json(chance: Random, depth: int = 3) -> Any:
    """Any JSON, mostly small and mostly at the edges of something."""
    kind = chance.randrange(8 if depth else 5)
    match kind:
        case 0:
            return chance.choice([None, True, False])
        case 1 | 2:
            return chance.choice(NUMBERS)
        case 3 | 4:
            return chance.choice(STRINGS)
        case 5:
            return [any_json(chance, depth - 1) for _ in range(chance.randrange(4))]
        case 6:
            names = [chance.choice(["a", "b", "job", "size", "files"]) for _ in range(3)]
            return {name: any_json(chance, depth - 1) for name in names}
    deep: Any = 1
    for _ in range(chance.choice([2, 15, 16, 17, 200])):
        deep = [deep] if chance.random() < 0.5 else {"a": deep}
    return deep


def mutated(value: Any, chance: Random) -> Any:
    """JSON with one or a few places changed, removed, doubled or added."""
    changed = [copy.deepcopy(value)]
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        places = _places(changed)
        leaves = [each for each in places if not isinstance(each[0][each[1]], dict | list)]
        holder, key = chance.choice(leaves if leaves and chance.random() < 0.7 else places)
        _change(holder, key, chance)
        if not changed:
            changed.append(any_json(chance))
    return changed[0]


def _places(value: Any) -> list[tuple[Any, Any]]:
    found = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in pairs:
        found.append((value, key))
        if isinstance(child, dict | list):
            found += _places(child)
    return found


def _change(holder: Any, key: Any, chance: Random) -> None:
    old = holder[key]
    match chance.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[f"{key}2"] = old
        case 1:
            holder[key:key] = [old] * chance.choice([1, 1, 20])
        case 2 | 3 if isinstance(old, str):
            holder[key] = chance.choice([*STRINGS, old + chance.choice(STRINGS), old[:-1]])
        case 2 | 3 | 4:
            holder[key] = chance.choice(NUMBERS)
        case 5:
            holder[key] = chance.choice(STRINGS)
        case _:
            holder[key] = any_json(chance)
