"""A few seconds of hostile messages with a new seed, which is printed; see `messages`."""

from __future__ import annotations

import json
from random import Random

import msgspec
import pytest

from logan.errors import ProtocolError
from logan.wire.codec import Decoder, encode
from tests.fuzz.messages import ROUNDS, Stage, line, play
from tests.fuzz.playing import play_for, seed_asked_for
from tests.fuzz.values import CLASSES, mutated, some

SECONDS = 6.0


def test_hostile_messages_harm_no_other_peer() -> None:
    played = play_for(SECONDS, Stage, play)
    print(dict(played))
    assert sum(played.values()) >= (1 if seed_asked_for() is not None else len(ROUNDS))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.VERB)
def test_a_decoder_gives_messages_of_the_schema_or_refuses(kind: type[msgspec.Struct]) -> None:
    """What comes out of it can be sent again; nothing else is ever raised."""
    taken = refused = 0
    for seed in range(300):
        chance = Random(seed)
        values = msgspec.to_builtins(some(kind, chance))
        body = values.pop("body", None)
        values = {name: each for name, each in values.items() if each is not None}
        if isinstance(body, dict):
            body = mutated(body, chance) if chance.random() < 0.6 else body
        if not isinstance(body, dict) or chance.random() < 0.4:
            values = mutated(values, chance) if values else values
        data = None
        if body is not None:
            raw = "bytes" in str(kind.__annotations__["body"])
            data = b"x" * 10 if raw else json.dumps(body).encode()
        decoder = Decoder()
        try:
            decoder.feed(line(kind.VERB, values, data))  # type: ignore[attr-defined]
            message = decoder.next_message()
        except ProtocolError:
            refused += 1
            continue
        if message is not None:
            taken += 1
            assert encode(message)
    assert taken or refused
