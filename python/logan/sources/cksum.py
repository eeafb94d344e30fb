"""The checksum of POSIX's `cksum`, by which a host without logan says what a file holds."""

from __future__ import annotations

from typing import Final

__all__ = ["cksum"]

_POLYNOMIAL: Final = 0x04C11DB7


def _row(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE: Final = tuple(_row(byte) for byte in range(256))


def cksum(data: bytes) -> int:
    """The first number that `cksum` prints for these bytes."""
    value, length = 0, len(data)
    lengths = length.to_bytes((length.bit_length() + 7) // 8, "little")
    for byte in data + lengths:
        value = ((value << 8) & 0xFFFFFFFF) ^ _TABLE[(value >> 24) ^ byte]
    return value ^ 0xFFFFFFFF
