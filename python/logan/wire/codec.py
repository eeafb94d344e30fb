"""Messages to bytes and back. Knows the grammar and the bounds, not which message may come when.

A message is one line of UTF-8: a verb, a space, a JSON object, a newline. Try it with `nc`:

    STATUS {}

The object has the fields of the message's class in `messages`, each of its type and within its
range. Fields that may be None are left out then; others must be there. If the class has a body,
`"bytes": N` must be there too, and N raw bytes follow the newline: that is a frame. A body of more
than one frame is announced with its first one and goes on in PARTs, between which other messages
may pass:

    RESULT {"job":"7","chunk":3,"attempt":1,"digest":"…","bytes":262144,"body":1,"total":300000}
    PART {"body":1,"offset":262144,"last":true,"bytes":37856}

Unknown fields are refused, so that a slip or a newer peer is noticed at once, except in the
messages up to WELCOME and in ERROR: these must stay readable between versions, so that a peer of
another version is told why it cannot join. The number in HELLO settles the rest.

JSON is data here: no NaN, no Infinity, no key twice, no float for an integer, no number out of
range, no control character in a line's strings, no deep nesting. A body of JSON is decoded into
the class that its message names; what does not fit it never leaves this module, in either
direction.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar, get_args, get_type_hints

import msgspec

from logan.errors import ProtocolError
from logan.wire import limits
from logan.wire.base import WireMessage
from logan.wire.messages import Message
from logan.wire.schema import TEXT_BYTES_MAX, UNSAFE, Count, extras_of, fault_of

__all__ = [
    "Decoder",
    "Frames",
    "check_body",
    "clean",
    "decode_body",
    "decode_json",
    "encode",
    "encode_body",
    "encode_json",
    "frames",
]

_Body = TypeVar("_Body")


# --- What each message looks like --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Schema:
    """A message's class, taken apart.

    Attributes:
        head: a structure of the fields that stand in the line; the class itself without a body.
        texts: the bounds of fields that are cleaned and cut when they are sent.
        body: the type of its body, or None.
    """

    make: type[WireMessage]
    head: type[msgspec.Struct]
    texts: dict[str, int]
    body: Any

    @property
    def verb(self) -> str:
        return self.make.VERB


def _schema(make: type[WireMessage]) -> _Schema:
    hints = get_type_hints(make, include_extras=True)
    fields = [each for each in msgspec.structs.fields(make) if each.name != "body"]
    head: type[msgspec.Struct] = make
    if "body" in hints:
        head = msgspec.defstruct(
            make.__name__,
            [
                (each.name, hints[each.name])
                if each.required
                else (each.name, hints[each.name], each.default)
                for each in fields
            ],
            frozen=True,
            forbid_unknown_fields=make.__struct_config__.forbid_unknown_fields,
        )
    texts = {each.name: extras_of(hints[each.name]).get(TEXT_BYTES_MAX, 0) for each in fields}
    bounded = {name: bytes_max for name, bytes_max in texts.items() if bytes_max}
    return _Schema(make, head, bounded, hints.get("body"))


_BY_CLASS: Final = {make: _schema(make) for make in get_args(Message)}
_BY_VERB: Final = {make.VERB: schema for make, schema in _BY_CLASS.items()}


class _Announced(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the line of a message with a body says of it."""

    bytes: Count
    body: Count | None = None
    total: Count | None = None


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PART: more of a body."""

    body: Count
    offset: Count
    last: bool
    bytes: Count


_PART: Final = "PART"
_ANNOUNCED: Final = _Announced.__struct_fields__


# --- Writing -----------------------------------------------------------------------------------


class Frames(Iterator[bytes]):
    """The frames of a message, in order.

    Attributes:
        body_bytes: of the body, in all.
    """

    def __init__(self, frames: Iterator[bytes], body_bytes: int = 0) -> None:
        self._frames = frames
        self.body_bytes = body_bytes

    def __next__(self) -> bytes:
        return next(self._frames)


def encode(message: Message, *, body_id: int = 0) -> bytes:
    """All frames of `message` together. Raises `ValueError` as `frames` does."""
    return b"".join(frames(message, body_id=body_id))


def frames(message: Message, *, body_id: int = 0) -> Frames:
    """The message in pieces of at most a line and `FRAME_BODY_BYTES_MAX`.

    Other messages may be sent between the pieces, also those of other bodies; `body_id` must then
    differ between all that are unfinished at a time. The message is checked by the call itself,
    the pieces are made as they are asked for.

    Raises:
        ValueError: a value that the grammar does not have, or a message over its bounds. Texts for
            people are cleaned and cut instead.
    """
    schema = _BY_CLASS[type(message)]
    values = _line_values(schema, message)
    if schema.body is None:
        return Frames(iter((_line(schema.verb, values),)))
    body = _body_bytes(schema, getattr(message, "body"))  # noqa: B009 - not all of the union
    if len(body) > schema.make.BODY_BYTES_MAX:
        raise ValueError(
            f"{schema.verb}: a body of {len(body):,} bytes, "
            f"the limit is {schema.make.BODY_BYTES_MAX:,}"
        )
    first = values | {"bytes": min(len(body), limits.FRAME_BODY_BYTES_MAX)}
    if len(body) <= limits.FRAME_BODY_BYTES_MAX:
        return Frames(iter((_line(schema.verb, first) + body,)), len(body))
    first |= {"body": body_id, "total": len(body)}
    return Frames(_parts(_line(schema.verb, first), body, body_id), len(body))


def _line_values(schema: _Schema, message: Message) -> dict[str, Any]:
    """What stands in the line of a message. Raises `ValueError`."""
    values: dict[str, Any] = {}
    for name in schema.head.__struct_fields__:
        value = getattr(message, name)
        if value is None:
            continue
        if name in schema.texts:
            value = clean(value, schema.texts[name])
        values[name] = msgspec.to_builtins(value)
    try:
        msgspec.convert(values, schema.head)
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"{schema.verb}: {fault_of(error)}") from error
    return values


def _body_bytes(schema: _Schema, body: Any) -> bytes:
    if schema.body is bytes:
        return bytes(body)
    try:
        return encode_body(body)
    except ValueError as error:
        raise ValueError(f"{schema.verb}: {error}") from error


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
        raise ValueError(f"{verb}: a line of {len(line):,} bytes; the limit is 4,096")
    return line


def clean(text: str, bytes_max: int) -> str:
    """`text` without what could not be sent or would upset a terminal, cut to `bytes_max`."""
    shown = _UNSAFE.sub("\ufffd", text[:bytes_max].replace("\n", " | ").replace("\t", " "))
    data = shown.encode()
    if len(data) <= bytes_max:
        return shown
    return data[: bytes_max - 3].decode("utf-8", "ignore") + "…"


_UNSAFE: Final = re.compile(f"[{UNSAFE}]")


def encode_body(body: msgspec.Struct) -> bytes:
    """A body of JSON. Raises `ValueError` for what the other side would refuse."""
    value = check_body(body)
    return encode_json(value)


def check_body(body: msgspec.Struct) -> Any:
    """What JSON has for a body. Raises `ValueError` if a value is out of its type or range."""
    value = msgspec.to_builtins(body)
    try:
        msgspec.convert(value, type(body))
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(fault_of(error)) from error
    return value


def encode_json(value: Any) -> bytes:
    """A body of JSON: compact, ASCII, so that file names that are no UTF-8 (as `os.fsdecode`
    gives them) survive. Raises `ValueError` for NaN and for more than `JSON_BODY_BYTES_MAX`."""
    data = json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    if len(data) > limits.JSON_BODY_BYTES_MAX:
        raise ValueError(
            f"JSON of {len(data):,} bytes, the limit of a body is {limits.JSON_BODY_BYTES_MAX:,}"
        )
    return data


# --- Reading -----------------------------------------------------------------------------------


def decode_json(data: bytes) -> Any:
    """What a body of JSON holds: None, bool, int, float, str, list, dict.

    Integers may be negative here; strings may hold halves of surrogate pairs, which stand for
    bytes of file names that are no UTF-8.

    Raises:
        ProtocolError: code "json"; it is not JSON, or breaks the rules of this module.
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


def decode_body(data: bytes, kind: type[_Body], verb: str) -> _Body:
    """What the body of a message with this verb holds.

    Raises:
        ProtocolError: code "json" or "field"; it is not JSON, or has wrong values.
    """
    try:
        return msgspec.convert(decode_json(data), kind)
    except ProtocolError as error:
        _refuse(error.code, f"{verb}: {error.message}")
    except (msgspec.ValidationError, ValueError) as error:
        _refuse("field", f"{verb}: {fault_of(error)}")


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
    raise ValueError(f"{text} is not valid here")


_JSON: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _refuse(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise ProtocolError(message, code=code, hint=hint)


def _shown(data: object) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "…"


@dataclass(slots=True)
class _Unfinished:
    """A body on its way in."""

    schema: _Schema
    head: msgspec.Struct
    total: int
    received: bytearray


@dataclass(frozen=True, slots=True)
class _Frame:
    """A line that was read and whose raw bytes must follow: of a new message, or of a body."""

    bytes: int
    schema: _Schema | None = None
    head: msgspec.Struct | None = None
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
                    _foreign_protocol(bytes(self._buffer[:100])),
                )
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def _read_line(self, line: bytes) -> Message | _Frame:
        verb, schema, values = self._parse(line)
        if schema is None:
            return self._part(_converted(values, _Part, verb))
        if schema.body is None:
            message: Message = _converted(values, schema.head, verb)
            return message
        announced = {name: values.pop(name) for name in _ANNOUNCED if name in values}
        head = _converted(values, schema.head, verb)
        return self._begin_body(schema, head, _converted(announced, _Announced, verb))

    def _parse(self, line: bytes) -> tuple[str, _Schema | None, dict[str, Any]]:
        """A line's verb, what it stands for (None: PART), and its values, not yet checked."""
        match = _GRAMMAR.fullmatch(line)
        if match is None:
            _refuse(
                "grammar",
                f"a line must be a verb, a space and a JSON object, not {_shown(line)}",
                _foreign_protocol(line),
            )
        verb = match[1].decode("ascii")
        schema = _BY_VERB.get(verb)
        if schema is None and verb != _PART:
            _refuse("verb", f"unknown verb {verb}", _foreign_protocol(line))
        if schema is None and not self._bodies:
            _refuse("order", "PART of no body")
        if schema is not None and self.verbs is not None and verb not in self.verbs:
            allowed = ", ".join(sorted(self.verbs)) or "nothing"
            _refuse("order", f"{verb} is not allowed now, only {allowed}")
        values = decode_json(match[2])
        for name, value in values.items():
            if value is None:
                _refuse("field", f"{verb}: {_shown(name)} is null: leave it out")
        return verb, schema, values

    def _begin_body(self, schema: _Schema, head: msgspec.Struct, announced: _Announced) -> _Frame:
        verb = schema.verb
        size, body, total = announced.bytes, announced.body, announced.total
        if size > limits.FRAME_BODY_BYTES_MAX:
            _refuse("body", f"{verb}: a frame of {size:,} bytes is too long")
        if body is None and total is None:
            self._check_room(schema, size)
            return _Frame(size, schema, head)
        if body is None or total is None:
            _refuse("field", f"{verb}: body and total belong together")
        if not 0 < size < total:
            _refuse("body", f"{verb}: a first frame of {size:,} bytes, {total:,} in all")
        if body in self._bodies:
            _refuse("body", f"{verb}: body {body} is already in progress")
        self._check_room(schema, total)
        return _Frame(size, schema, head, body, total)

    def _check_room(self, schema: _Schema, total: int) -> None:
        if total > schema.make.BODY_BYTES_MAX:
            _refuse("body", f"{schema.verb}: a body of {total:,} bytes is too long")
        if len(self._bodies) >= limits.UNFINISHED_BODIES_MAX:
            _refuse("body", f"{schema.verb}: too many bodies at once")
        if sum(b.total for b in self._bodies.values()) + total > limits.UNFINISHED_BYTES_MAX:
            _refuse("body", f"{schema.verb}: too many bytes of unfinished bodies")

    def _part(self, part: _Part) -> _Frame:
        unfinished = self._bodies.get(part.body)
        if unfinished is None:
            _refuse("body", f"PART of body {part.body}, which is not in progress")
        received, size = len(unfinished.received), part.bytes
        if part.offset != received:
            _refuse("body", f"PART at offset {part.offset}, it must be {received}")
        if not 0 < size <= min(limits.FRAME_BODY_BYTES_MAX, unfinished.total - received):
            _refuse("body", f"PART of {size:,} bytes after {received:,} of {unfinished.total:,}")
        if part.last is not (received + size == unfinished.total):
            _refuse("body", f"PART: last is {part.last}, which its size contradicts")
        return _Frame(size, body=part.body, last=part.last)

    def _take(self, frame: _Frame, data: bytes) -> Message | None:
        if frame.schema is not None:
            assert frame.head is not None
            if frame.body is None:
                return _build(frame.schema, frame.head, data)
            self._bodies[frame.body] = _Unfinished(
                frame.schema, frame.head, frame.total, bytearray(data)
            )
            return None
        assert frame.body is not None
        unfinished = self._bodies[frame.body]
        unfinished.received += data
        if not frame.last:
            return None
        del self._bodies[frame.body]
        return _build(unfinished.schema, unfinished.head, bytes(unfinished.received))


_GRAMMAR: Final = re.compile(rb"([A-Z][A-Z_]{0,15}) (\{[^\x00-\x1f\x7f]*\})")


def _converted(values: dict[str, Any], kind: type[Any], verb: str) -> Any:
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, ValueError) as error:
        _refuse("field", f"{verb}: {fault_of(error)}")


def _build(schema: _Schema, head: msgspec.Struct, data: bytes) -> Message:
    body = data if schema.body is bytes else decode_body(data, schema.body, schema.verb)
    values = {name: getattr(head, name) for name in head.__struct_fields__}
    make: Any = schema.make
    message: Message = make(**values, body=body)
    return message


def _foreign_protocol(line: bytes) -> str | None:
    """A hint for a peer that speaks another protocol."""
    if line.startswith(b"\x16\x03"):
        return "this looks like TLS, which is not on here: see --tls-cert"
    if b"HTTP/1." in line or line.startswith(b"PRI * HTTP/2"):
        return "this port speaks logan's line protocol; the page for browsers has its own port"
    return None
