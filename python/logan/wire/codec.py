"""Messages to bytes and back. Knows the grammar and the bounds, not which message may come when.

A message is one line of UTF-8: a verb, a space, a JSON object, a newline. Try it with `nc`:

    STATUS {}

The object has the fields of the message's class in `messages`, each of its type. Fields that may
be None are left out then; others are due. If the class has a body, `"bytes": N` is due too, and N
raw bytes follow the newline: that is a frame. A body of more than one frame is announced with its
first one and goes on in PARTs, between which other messages may pass:

    RESULT {"job":"7","chunk":3,"attempt":1,"digest":"…","bytes":262144,"body":1,"total":300000}
    PART {"body":1,"offset":262144,"last":true,"bytes":37856}

Unknown fields are refused, so that a slip or a newer peer is noticed at once, except in the
messages up to WELCOME and in ERROR: these must stay readable between versions, so that a peer of
another version is told why it cannot join. The number in HELLO settles the rest.

JSON is data here: no NaN, no Infinity, no key twice, no float for an integer, no number out of
range, no control character in a line's strings, no deep nesting.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn, get_args, get_type_hints

from logan.errors import ProtocolError
from logan.wire import limits, messages
from logan.wire.messages import Message

__all__ = ["Decoder", "decode_json", "encode", "encode_json", "frames", "verb_of"]


# --- What each message looks like --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: str  # "int", "float", "str", "bool", "text" (a sentence for people) or "leases"
    may_be_absent: bool


@dataclass(frozen=True, slots=True)
class _Schema:
    verb: str
    make: type[Any]
    fields: tuple[_Field, ...]
    body_bytes_max: int | None  # None: the message has no body
    lenient: bool  # unknown fields are skipped


_VERBS: Final = {
    messages.HealthAck: "HEARD",
    messages.ProgressReport: "PROGRESS",
    messages.StatusReport: "STATE",
}
"""Of the classes whose verb is not their name."""

_BODIES: Final = {
    messages.Result: limits.SUMMARY_BODY_BYTES_MAX,
    messages.Report: limits.REPORT_BODY_BYTES_MAX,
    messages.Data: limits.FRAME_BODY_BYTES_MAX,
}
"""Bounds of the bodies that are not JSON."""

_LENIENT: Final = {
    messages.Hello,
    messages.Challenge,
    messages.Auth,
    messages.Welcome,
    messages.Error,
}
_TEXTS: Final = {"detail", "message", "note"}
_LEASE_FIELDS: Final = {"job": "str", "chunk": "int", "attempt": "int", "scanned_bytes": "int"}
_PART: Final = "PART"
_PART_FIELDS: Final = {"body": "int", "offset": "int", "last": "bool", "bytes": "int"}


def _schema(make: type[Any]) -> _Schema:
    hints = get_type_hints(make)
    fields = []
    for each in dataclasses.fields(make):
        if each.name == "body":
            continue
        names = {getattr(arg, "__name__", "") for arg in get_args(hints[each.name])}
        plain = hints[each.name].__name__ if isinstance(hints[each.name], type) else ""
        type_ = plain or next((n for n in ("int", "str", "float", "bool") if n in names), "leases")
        if each.name == "leases":
            type_ = "leases"
        elif each.name in _TEXTS:
            type_ = "text"
        absent = each.default is not dataclasses.MISSING
        fields.append(_Field(each.name, type_, absent))
    has_body = "body" in hints
    return _Schema(
        verb=_VERBS.get(make, make.__name__.upper()),
        make=make,
        fields=tuple(fields),
        body_bytes_max=_BODIES.get(make, limits.JSON_BODY_BYTES_MAX) if has_body else None,
        lenient=make in _LENIENT,
    )


_BY_CLASS: Final[dict[type[Any], _Schema]] = {make: _schema(make) for make in get_args(Message)}
_BY_VERB: Final = {schema.verb: schema for schema in _BY_CLASS.values()}


def verb_of(message: Message | type[Message]) -> str:
    """The verb that a message, or its class, is written with."""
    return _BY_CLASS[message if isinstance(message, type) else type(message)].verb


# --- Writing -----------------------------------------------------------------------------------


def encode(message: Message, *, body_id: int = 0) -> bytes:
    """All frames of `message` together. Raises `ValueError` as `frames` does."""
    return b"".join(frames(message, body_id=body_id))


def frames(message: Message, *, body_id: int = 0) -> Iterator[bytes]:
    """The message in pieces of at most a line and `FRAME_BODY_BYTES_MAX`.

    Other messages may be sent between the pieces, also those of other bodies; `body_id` must then
    differ between all that are unfinished at a time. The message is checked by the call itself,
    the pieces are made as they are asked for.

    Raises:
        ValueError: a value that the grammar does not have, or a message over its bounds. Texts for
            people are cleaned and cut instead.
    """
    schema = _BY_CLASS[type(message)]
    values: dict[str, Any] = {}
    for field in schema.fields:
        value = getattr(message, field.name)
        if value is None and field.may_be_absent:
            continue
        if field.type == "text":
            error = type(message) is messages.Error
            value = _clean(value, limits.ERROR_TEXT_BYTES_MAX if error else limits.TEXT_BYTES_MAX)
        elif field.type == "leases":
            value = list(value)
        elif field.type == "float":
            value = float(value)
        why = _fault(field.type, value)
        if why is not None:
            raise ValueError(f"{schema.verb}: {field.name} {why}")
        values[field.name] = value
    if schema.body_bytes_max is None:
        return iter((_line(schema.verb, values),))
    body: bytes = getattr(message, "body")  # noqa: B009 - not all of the union have it
    if len(body) > schema.body_bytes_max:
        raise ValueError(
            f"{schema.verb}: a body of {len(body):,} bytes, at most {schema.body_bytes_max:,} go"
        )
    first = values | {"bytes": min(len(body), limits.FRAME_BODY_BYTES_MAX)}
    if len(body) <= limits.FRAME_BODY_BYTES_MAX:
        return iter((_line(schema.verb, first) + body,))
    first |= {"body": body_id, "total": len(body)}
    return _parts(_line(schema.verb, first), body, body_id)


def _parts(head: bytes, body: bytes, body_id: int) -> Iterator[bytes]:
    step = limits.FRAME_BODY_BYTES_MAX
    yield head + body[:step]
    for offset in range(step, len(body), step):
        piece = body[offset : offset + step]
        last = offset + step >= len(body)
        fields = {"body": body_id, "offset": offset, "last": last, "bytes": len(piece)}
        yield _line(_PART, fields) + piece


def _line(verb: str, values: dict[str, Any]) -> bytes:
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    line = f"{verb} {text}\n".encode()
    if len(line) > limits.LINE_BYTES_MAX:
        raise ValueError(f"{verb}: a line of {len(line):,} bytes, it may have 4,096")
    return line


def _clean(text: str, bytes_max: int) -> str:
    """`text` without what could not be sent or would upset a terminal, cut to `bytes_max`."""
    shown = _UNSAFE.sub("\ufffd", text[:bytes_max].replace("\n", " | ").replace("\t", " "))
    data = shown.encode()
    if len(data) <= bytes_max:
        return shown
    return data[: bytes_max - 3].decode("utf-8", "ignore") + "…"


_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, line separators, overrides of direction, halves of surrogate pairs."""


def encode_json(value: Any) -> bytes:
    """A body of JSON: compact, ASCII, so that file names that are no UTF-8 (as `os.fsdecode`
    gives them) survive. Raises `ValueError` for NaN and for more than `JSON_BODY_BYTES_MAX`."""
    data = json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(data) > limits.JSON_BODY_BYTES_MAX:
        raise ValueError(
            f"JSON of {len(data):,} bytes, a body may have {limits.JSON_BODY_BYTES_MAX:,}"
        )
    return data


# --- Reading -----------------------------------------------------------------------------------


def decode_json(data: bytes) -> Any:
    """What a body of JSON holds: None, bool, int, float, str, list, dict.

    Integers may be negative here; strings may hold halves of surrogate pairs, which stand for
    bytes of file names that are no UTF-8.

    Raises:
        ProtocolError: code "json"; it is no JSON, or breaks the rules of this module.
    """
    if len(data) > limits.JSON_BODY_BYTES_MAX:
        _refuse("json", f"JSON of {len(data):,} bytes is too long")
    # Counted before parsing: a byte of input can cost fifty once it is a list.
    nesting = data.count(b"[") + data.count(b"{")
    if nesting + data.count(b",") > limits.JSON_VALUES_MAX:
        _refuse("json", f"JSON of more than {limits.JSON_VALUES_MAX:,} values")
    try:
        value = _JSON.decode(data.decode("utf-8"))
    except UnicodeDecodeError:
        _refuse("json", "JSON that is not UTF-8")
    except RecursionError:
        _refuse("json", "JSON nested too deeply")
    except ValueError as error:
        _refuse("json", f"not JSON: {error}")
    if nesting > limits.JSON_DEPTH_MAX:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(limits.JSON_DEPTH_MAX):
        level = [
            child
            for each in level
            if isinstance(each, list | dict)
            for child in (each if isinstance(each, list) else each.values())
        ]
        if not level:
            return
    if any(isinstance(each, list | dict) for each in level):
        _refuse("json", "JSON nested too deeply")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {_shown(twice)} twice")
    return found


def _integer(text: str) -> int:
    if len(text) > limits.INTEGER_DIGITS_MAX or abs(int(text)) > limits.INTEGER_MAX:
        raise ValueError("a number out of range")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number out of range")
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number here")


_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _refuse(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise ProtocolError(message, code=code, hint=hint)


def _shown(data: object) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "…"


def _fault(type_: str, value: Any) -> str | None:
    """What is wrong with a value, or None."""
    match type_:
        case "int":
            if type(value) is not int:
                return "must be an integer"
            if not 0 <= value <= limits.INTEGER_MAX:
                return "is out of range"
        case "float":
            if type(value) not in (int, float):
                return "must be a number"
            if not 0 <= value < math.inf:
                return "is out of range"
        case "bool":
            if type(value) is not bool:
                return "must be true or false"
        case "str" | "text":
            return _string_fault(type_, value)
        case "leases":
            return _leases_fault(value)
    return None


def _string_fault(type_: str, value: Any) -> str | None:
    if type(value) is not str:
        return "must be a string"
    if type_ == "str" and len(value) > limits.NAME_CHARS_MAX:
        return f"has more than {limits.NAME_CHARS_MAX} characters"
    if _UNSAFE.search(value):
        return "has control characters"
    return None


def _leases_fault(value: Any) -> str | None:
    if type(value) is not list:
        return "must be a list"
    if len(value) > limits.LEASES_PER_HEALTH_MAX:
        return f"has more than {limits.LEASES_PER_HEALTH_MAX} entries"
    for each in value:
        if type(each) is not dict or each.keys() != _LEASE_FIELDS.keys():
            return f"must be objects with {', '.join(_LEASE_FIELDS)}"
        for name, type_ in _LEASE_FIELDS.items():
            why = _fault(type_, each[name])
            if why is not None:
                return f"has an entry whose {name} {why}"
    return None


@dataclass(slots=True)
class _Unfinished:
    """A body on its way in."""

    schema: _Schema
    values: dict[str, Any]
    total: int
    received: bytearray


@dataclass(frozen=True, slots=True)
class _Frame:
    """A line that was read and whose raw bytes are due: of a new message, or of a body."""

    bytes: int
    schema: _Schema | None = None
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    body: int | None = None
    total: int = 0
    last: bool = True


class Decoder:
    """Bytes in, messages out; how the bytes are split makes no difference.

    Attributes:
        line_bytes_max: bound of the next lines.
        verbs: the verbs that may come next; None is any. Asked when a line is complete, before any
            of its body is taken.
    """

    def __init__(
        self,
        *,
        line_bytes_max: int = limits.LINE_BYTES_MAX,
        verbs: frozenset[str] | None = None,
    ) -> None:
        self.line_bytes_max = line_bytes_max
        self.verbs = verbs
        self._buffer = bytearray()
        self._searched = 0  # so much of the buffer holds no newline
        self._frame: _Frame | None = None
        self._bodies: dict[int, _Unfinished] = {}
        self._error: ProtocolError | None = None

    @property
    def unfinished(self) -> int:
        """How many bodies have begun and not ended."""
        return len(self._bodies) + (self._frame is not None and self._frame.schema is not None)

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer. The caller bounds them, and asks for messages before more.
        After an error they are dropped."""
        if self._error is None:
            self._buffer += data

    def next_message(self) -> Message | None:
        """The next message, or None until more bytes are fed.

        Raises:
            ProtocolError: the peer broke the grammar; from now on each call raises it again.
        """
        if self._error is not None:
            raise self._error
        try:
            while True:
                if self._frame is None:
                    line = self._next_line()
                    if line is None:
                        return None
                    found = self._read_line(line)
                    if isinstance(found, _Frame):
                        self._frame = found
                        continue
                    return found
                if len(self._buffer) < self._frame.bytes:
                    return None
                frame, self._frame = self._frame, None
                body = bytes(self._buffer[: frame.bytes])
                del self._buffer[: frame.bytes]
                message = self._take(frame, body)
                if message is not None:
                    return message
        except ProtocolError as error:
            self._error = error
            self._buffer.clear()
            self._bodies.clear()
            raise

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched, self.line_bytes_max)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched >= self.line_bytes_max:
                _refuse(
                    "line",
                    f"a line of more than {self.line_bytes_max:,} bytes",
                    _stranger(bytes(self._buffer[:100])),
                )
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def _read_line(self, line: bytes) -> Message | _Frame:
        verb, schema, values = self._parse(line)
        if schema is None:
            return self._part(values)
        absent = [f.name for f in schema.fields if f.name not in values and not f.may_be_absent]
        if absent:
            _refuse("field", f"{verb} without {absent[0]}")
        if schema.body_bytes_max is None:
            return _build(schema, values, None)
        return self._begin_body(schema, values)

    def _parse(self, line: bytes) -> tuple[str, _Schema | None, dict[str, Any]]:
        """A line's verb, what it stands for (None: PART), its values with the fields checked."""
        match = _GRAMMAR.fullmatch(line)
        if match is None:
            _refuse(
                "grammar",
                f"a line must be a verb, a space and a JSON object, not {_shown(line)}",
                _stranger(line),
            )
        verb = match[1].decode("ascii")
        schema = _BY_VERB.get(verb)
        if schema is None and verb != _PART:
            _refuse("verb", f"there is no verb {verb}", _stranger(line))
        if schema is None and not self._bodies:
            _refuse("order", "PART of no body")
        if schema is not None and self.verbs is not None and verb not in self.verbs:
            due = ", ".join(sorted(self.verbs)) or "nothing"
            _refuse("order", f"{verb} may not come now, only {due}")
        values = decode_json(match[2])
        types = _PART_FIELDS if schema is None else _types(schema)
        for name in values.keys() - types.keys():
            if schema is None or not schema.lenient:
                _refuse("field", f"{verb} has no field {_shown(name)}")
            del values[name]
        for name, value in values.items():
            why = _fault(types[name], value)
            if why is not None:
                _refuse("field", f"{verb}: {name} {why}")
        return verb, schema, values

    def _begin_body(self, schema: _Schema, values: dict[str, Any]) -> _Frame:
        verb = schema.verb
        if "bytes" not in values:
            _refuse("field", f"{verb} without bytes")
        size = values.pop("bytes")
        body, total = values.pop("body", None), values.pop("total", None)
        if size > limits.FRAME_BODY_BYTES_MAX:
            _refuse("body", f"{verb}: a frame of {size:,} bytes is too long")
        if body is None and total is None:
            self._check_room(schema, size)
            return _Frame(size, schema, values)
        if body is None or total is None:
            _refuse("field", f"{verb}: body and total belong together")
        if not 0 < size < total:
            _refuse("body", f"{verb}: a first frame of {size:,} bytes, {total:,} in all")
        if body in self._bodies:
            _refuse("body", f"{verb}: body {body} is under way already")
        self._check_room(schema, total)
        return _Frame(size, schema, values, body, total)

    def _check_room(self, schema: _Schema, total: int) -> None:
        assert schema.body_bytes_max is not None
        if total > schema.body_bytes_max:
            _refuse("body", f"{schema.verb}: a body of {total:,} bytes is too long")
        if len(self._bodies) >= limits.UNFINISHED_BODIES_MAX:
            _refuse("body", f"{schema.verb}: too many bodies at once")
        if sum(b.total for b in self._bodies.values()) + total > limits.UNFINISHED_BYTES_MAX:
            _refuse("body", f"{schema.verb}: too many bytes of unfinished bodies")

    def _part(self, values: dict[str, Any]) -> _Frame:
        absent = [name for name in _PART_FIELDS if name not in values]
        if absent:
            _refuse("field", f"PART without {absent[0]}")
        size, body = values["bytes"], values["body"]
        unfinished = self._bodies.get(body)
        if unfinished is None:
            _refuse("body", f"PART of body {body}, which is not under way")
        received = len(unfinished.received)
        if values["offset"] != received:
            _refuse("body", f"PART at offset {values['offset']}, {received} was due")
        if not 0 < size <= min(limits.FRAME_BODY_BYTES_MAX, unfinished.total - received):
            _refuse("body", f"PART of {size:,} bytes after {received:,} of {unfinished.total:,}")
        if values["last"] is not (received + size == unfinished.total):
            _refuse("body", f"PART: last is {values['last']}, which its size denies")
        return _Frame(size, body=body, last=values["last"])

    def _take(self, frame: _Frame, data: bytes) -> Message | None:
        if frame.schema is not None:
            if frame.body is None:
                return _build(frame.schema, frame.values, data)
            self._bodies[frame.body] = _Unfinished(
                frame.schema, frame.values, frame.total, bytearray(data)
            )
            return None
        assert frame.body is not None
        unfinished = self._bodies[frame.body]
        unfinished.received += data
        if not frame.last:
            return None
        del self._bodies[frame.body]
        return _build(unfinished.schema, unfinished.values, bytes(unfinished.received))


_GRAMMAR: Final = re.compile(rb"([A-Z]{1,16}) (\{[^\x00-\x1f\x7f]*\})")


def _types(schema: _Schema) -> dict[str, str]:
    types = {field.name: field.type for field in schema.fields}
    if schema.body_bytes_max is not None:
        types |= {"bytes": "int", "body": "int", "total": "int"}
    return types


def _build(schema: _Schema, values: dict[str, Any], body: bytes | None) -> Message:
    for field in schema.fields:
        if field.name in values and field.type == "float":
            values[field.name] = float(values[field.name])
        elif field.name in values and field.type == "leases":
            values[field.name] = tuple(values[field.name])
    if body is not None:
        values["body"] = body
    message: Message = schema.make(**values)
    return message


def _stranger(line: bytes) -> str | None:
    """A hint for those who came with another protocol."""
    if line.startswith(b"\x16\x03"):
        return "this looks like TLS, which is not on here: see --tls-cert"
    if b"HTTP/1." in line or line.startswith(b"PRI * HTTP/2"):
        return "this port speaks logan's line protocol; the page for browsers has its own port"
    return None
