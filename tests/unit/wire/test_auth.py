"""Proofs: which are accepted, and which must not be."""

from __future__ import annotations

import itertools
import secrets

import msgspec
import pytest

from logan.errors import ProtocolError
from logan.wire.auth import (
    NONCE_HEX_CHARS,
    TOKEN_BYTES_MAX,
    TOKEN_BYTES_MIN,
    CoordinatorHandshake,
    PeerHandshake,
    proof,
)
from logan.wire.messages import PROTOCOL_VERSION, Auth, Challenge, Hello

TOKEN = b"correct horse battery staple"
OTHER = b"correct horse battery stable"
MINE, YOURS = "a" * NONCE_HEX_CHARS, "b" * NONCE_HEX_CHARS


def make_hello(**changes: str) -> Hello:
    hello = Hello(PROTOCOL_VERSION, "worker", "alice", "session-1", MINE, "1.0")
    return msgspec.structs.replace(hello, **changes)


def shake(
    coordinator_token: bytes | None,
    peer_token: bytes | None,
    *,
    coordinator_certificate: str = "",
    peer_certificate: str = "",
) -> None:
    """A whole handshake; raises what either side finds wrong."""
    hello = make_hello()
    coordinator = CoordinatorHandshake(
        coordinator_token, nonce=YOURS, certificate_sha256=coordinator_certificate
    )
    peer = PeerHandshake(peer_token, hello, certificate_sha256=peer_certificate)
    coordinator.verify(peer.answer(coordinator.challenge(hello)))


@pytest.mark.parametrize("token", [None, TOKEN, b"x" * TOKEN_BYTES_MIN, b"x" * TOKEN_BYTES_MAX])
def test_equal_tokens_pass(token: bytes | None) -> None:
    shake(token, token)
    shake(token, token, coordinator_certificate="cd", peer_certificate="cd")


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        (TOKEN, OTHER, "has another token"),
        (TOKEN, None, "asks for a token"),
        (None, TOKEN, "has no token"),
    ],
)
def test_the_peer_refuses_a_false_coordinator_first(
    theirs: bytes | None, ours: bytes | None, words: str
) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        shake(theirs, ours)
    assert caught.value.code == "auth"
    assert caught.value.hint


def test_another_certificate_between_the_two_is_noticed() -> None:
    with pytest.raises(ProtocolError, match="has another token"):
        shake(TOKEN, TOKEN, coordinator_certificate="aa", peer_certificate="bb")


@pytest.mark.parametrize("token", [b"x" * (TOKEN_BYTES_MIN - 1), b"", b"x" * (TOKEN_BYTES_MAX + 1)])
def test_tokens_that_are_too_short_or_too_long(token: bytes) -> None:
    with pytest.raises(ValueError, match="token"):
        CoordinatorHandshake(token, nonce=MINE)
    with pytest.raises(ValueError, match="token"):
        PeerHandshake(token, make_hello())


def challenged(token: bytes | None = TOKEN, nonce: str = YOURS) -> CoordinatorHandshake:
    coordinator = CoordinatorHandshake(token, nonce=nonce)
    coordinator.challenge(make_hello())
    return coordinator


def test_wrong_proofs() -> None:
    good = proof(TOKEN, "peer", make_hello(), YOURS)
    challenged().verify(Auth(good))
    for bad in (
        "",
        good[:-1],
        good + "0",
        good.upper(),
        "0" * 64,
        "é" * 64,
        proof(TOKEN, "coordinator", make_hello(), YOURS),
    ):
        with pytest.raises(ProtocolError) as caught:
            challenged().verify(Auth(bad))
        assert caught.value.code == "auth"
    with pytest.raises(ProtocolError, match="not the coordinator's"):
        challenged(None).verify(Auth(good))


def test_a_proof_counts_once_and_after_a_challenge_only() -> None:
    good = Auth(proof(TOKEN, "peer", make_hello(), YOURS))
    coordinator = challenged()
    with pytest.raises(ProtocolError):
        coordinator.verify(Auth("0" * 64))
    with pytest.raises(ProtocolError, match="without a challenge"):
        coordinator.verify(good)  # no second guess
    with pytest.raises(ProtocolError, match="without a challenge"):
        CoordinatorHandshake(TOKEN, nonce=YOURS).verify(good)
    with pytest.raises(ProtocolError, match="second HELLO"):
        coordinator.challenge(make_hello())
    hello = make_hello()
    peer = PeerHandshake(TOKEN, hello)
    challenge = CoordinatorHandshake(TOKEN, nonce=YOURS).challenge(hello)
    peer.answer(challenge)
    with pytest.raises(ProtocolError, match="second CHALLENGE"):
        peer.answer(challenge)


def test_a_recorded_handshake_is_of_no_use_later() -> None:
    hello = make_hello()
    recorded = PeerHandshake(TOKEN, hello).answer(
        CoordinatorHandshake(TOKEN, nonce=YOURS).challenge(hello)
    )
    fresh = secrets.token_hex(NONCE_HEX_CHARS // 2)
    coordinator = CoordinatorHandshake(TOKEN, nonce=fresh)
    coordinator.challenge(hello)
    with pytest.raises(ProtocolError):
        coordinator.verify(recorded)
    # Nor is a recorded CHALLENGE of use against a peer with a fresh nonce.
    old = CoordinatorHandshake(TOKEN, nonce=YOURS).challenge(hello)
    with pytest.raises(ProtocolError):
        PeerHandshake(TOKEN, make_hello(nonce=fresh)).answer(old)


def test_a_proof_is_bound_to_the_session_it_was_made_for() -> None:
    good = Auth(proof(TOKEN, "peer", make_hello(), YOURS))
    for changes in ({"role": "client"}, {"id": "bob"}, {"session": "s2"}, {"nonce": "c" * 64}):
        coordinator = CoordinatorHandshake(TOKEN, nonce=YOURS)
        coordinator.challenge(make_hello(**changes))
        with pytest.raises(ProtocolError):
            coordinator.verify(good)


def test_reflection_does_not_work() -> None:
    # A peer without the token returns the coordinator's own proof, of this or a second connection.
    coordinator = CoordinatorHandshake(TOKEN, nonce=YOURS)
    challenge = coordinator.challenge(make_hello())
    with pytest.raises(ProtocolError):
        coordinator.verify(Auth(challenge.proof))
    second = CoordinatorHandshake(TOKEN, nonce=MINE)
    echoed = second.challenge(make_hello(nonce=YOURS))
    coordinator = challenged()
    with pytest.raises(ProtocolError):
        coordinator.verify(Auth(echoed.proof))
    # A false coordinator answers a peer with the peer's own proof, and with its own nonce.
    peer = PeerHandshake(TOKEN, make_hello())
    with pytest.raises(ProtocolError):
        peer.answer(Challenge(YOURS, proof(TOKEN, "peer", make_hello(), YOURS)))
    with pytest.raises(ProtocolError, match="our own"):
        PeerHandshake(TOKEN, make_hello()).answer(Challenge(MINE, "0" * 64))
    with pytest.raises(ProtocolError, match="our own"):
        CoordinatorHandshake(TOKEN, nonce=MINE).challenge(make_hello())


@pytest.mark.parametrize("nonce", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n"])
def test_nonces_have_256_bits(nonce: str) -> None:
    with pytest.raises(ProtocolError, match="nonce"):
        CoordinatorHandshake(TOKEN, nonce=YOURS).challenge(make_hello(nonce=nonce))
    with pytest.raises(ProtocolError, match="nonce"):
        PeerHandshake(TOKEN, make_hello()).answer(Challenge(nonce, ""))
    with pytest.raises(ValueError, match="nonce"):
        CoordinatorHandshake(TOKEN, nonce=nonce)


def test_parts_cannot_flow_into_each_other() -> None:
    # The same text, cut into id and session at every place, gives a proof of its own each.
    text = "worker1session2"
    hellos = [make_hello(id=text[:i], session=text[i:]) for i in range(len(text) + 1)]
    proofs = {proof(TOKEN, "peer", hello, YOURS) for hello in hellos}
    assert len(proofs) == len(hellos)
    sides = [proof(TOKEN, side, make_hello(), YOURS) for side in ("peer", "coordinator")]
    for left, right in itertools.combinations([*sides, *proofs], 2):
        assert left != right


def test_a_known_proof() -> None:
    """Computed with openssl, so that other implementations can be written from the text."""
    parts = ["logan", "4", "peer", "worker", "alice", "session-1", MINE, YOURS, ""]
    text = b"".join(len(p).to_bytes(4, "big") + p.encode() for p in parts)
    assert text[:14] == b"\x00\x00\x00\x05logan\x00\x00\x00\x01\x34"[:14]
    assert proof(TOKEN, "peer", make_hello(), YOURS) == KNOWN


KNOWN = "d1dd843d34a055b9e46575a9b7c333abe509b12d1268edd783a21d7759935769"
