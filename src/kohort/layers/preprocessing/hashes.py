"""Hashes of strings, equal to those of TensorFlow: FarmHash's `Fingerprint64` and SipHash-2-4.

Sources: Pike and Alakuijala, FarmHash (`farmhashna::Hash64`), MIT licence; Aumasson and
Bernstein, "SipHash: a fast short-input PRF", 2012.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CAT = 0xC6A4A7935BD1E995
CROSS_KEY = 0xDECAFCAFFE  # with which TensorFlow begins a cross of features


def _rotate(value: int, bits: int) -> int:
    """Rotate 64 bits to the right."""
    value &= _MASK
    return (value >> bits | value << (64 - bits)) & _MASK


def _mix(value: int) -> int:
    value &= _MASK
    return value ^ (value >> 47)


def _join(u: int, v: int, mul: int) -> int:
    a = _mix(((u ^ v) & _MASK) * mul)
    return _mix(((v ^ a) & _MASK) * mul) * mul & _MASK


def _word(s: bytes, at: int) -> int:
    return int.from_bytes(s[at : at + 8], "little")


def fingerprint64(s: bytes) -> int:
    """FarmHash's 64-bit fingerprint.

    >>> fingerprint64(b"")  # the constant k2
    11160318154034397263
    """
    size = len(s)
    if size > 64:
        return _long(s)
    if size > 32:
        return _upto_64(s)
    mul = _K2 + 2 * size
    if size > 16:
        a, b = _word(s, 0) * _K1, _word(s, 8)
        c, d = _word(s, size - 8) * mul, _word(s, size - 16) * _K2
        u = (_rotate(a + b, 43) + _rotate(c, 30) + d) & _MASK
        return _join(u, (a + _rotate(b + _K2, 18) + c) & _MASK, mul)
    if size >= 8:
        a, b = (_word(s, 0) + _K2) & _MASK, _word(s, size - 8)
        u = (_rotate(b, 37) * mul + a) & _MASK
        return _join(u, (_rotate(a, 25) + b) * mul & _MASK, mul)
    if size >= 4:
        first, last = int.from_bytes(s[:4], "little"), int.from_bytes(s[-4:], "little")
        return _join(size + (first << 3), last, mul)
    if size:
        y, z = s[0] + (s[size >> 1] << 8), size + (s[-1] << 2)
        return _mix((y * _K2 & _MASK) ^ (z * _K0 & _MASK)) * _K2 & _MASK
    return _K2


def _upto_64(s: bytes) -> int:
    size = len(s)
    mul = _K2 + 2 * size
    a, b = _word(s, 0) * _K2, _word(s, 8)
    c, d = _word(s, size - 8) * mul, _word(s, size - 16) * _K2
    y = (_rotate(a + b, 43) + _rotate(c, 30) + d) & _MASK
    z = _join(y, (a + _rotate(b + _K2, 18) + c) & _MASK, mul)
    e, f = _word(s, 16) * mul, _word(s, 24)
    g, h = (y + _word(s, size - 32)) * mul, (z + _word(s, size - 24)) * mul
    u = (_rotate(e + f, 43) + _rotate(g, 30) + h) & _MASK
    return _join(u, (e + _rotate(f + a, 18) + g) & _MASK, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """32 bytes joined to two seeds."""
    w, x, y, z = (_word(s, at + 8 * i) for i in range(4))
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    return (a + z) & _MASK, (b + _rotate(a, 44) + c) & _MASK


def _long(s: bytes) -> int:
    size = len(s)
    y = (81 * _K1 + 113) & _MASK
    z = _mix(y * _K2 + 113) * _K2 & _MASK
    x, v, w = (81 * _K2 + _word(s, 0)) & _MASK, (0, 0), (0, 0)

    def step(at: int, mul: int, nine: int) -> None:
        nonlocal x, y, z, v, w
        x = _rotate(x + y + v[0] + _word(s, at + 8), 37) * mul & _MASK
        y = _rotate(y + v[1] + _word(s, at + 48), 42) * mul & _MASK
        x ^= w[1] * nine & _MASK
        y = (y + v[0] * nine + _word(s, at + 40)) & _MASK
        z = _rotate(z + w[0], 33) * mul & _MASK
        v = _weak(s, at, v[1] * mul, x + w[0])
        w = _weak(s, at + 32, z + w[1], y + _word(s, at + 16))
        x, z = z, x

    for at in range(0, (size - 1) // 64 * 64, 64):
        step(at, _K1, 1)
    mul = _K1 + ((z & 0xFF) << 1)
    rest = (w[0] + ((size - 1) & 63)) & _MASK
    v = ((v[0] + rest) & _MASK, v[1])
    w = ((rest + v[0]) & _MASK, w[1])
    step(size - 64, mul, 9)
    u = (_join(v[0], w[0], mul) + _mix(y) * _K0 + z) & _MASK
    return _join(u, (_join(v[1], w[1], mul) + x) & _MASK, mul)


def fingerprint_cat64(first: int, second: int) -> int:
    """One fingerprint of two, in this order (TensorFlow's `FingerprintCat64`)."""
    result = (first ^ _CAT) ^ (_mix(second * _CAT) * _CAT & _MASK)
    return _mix(_mix(result * _CAT) * _CAT)


def siphash(key: Sequence[int], s: bytes) -> int:
    """SipHash-2-4 with a key of two 64-bit numbers.

    >>> key = struct.unpack("<QQ", bytes(range(16)))
    >>> hex(siphash(key, bytes(range(15))))  # the test vector of the paper
    '0xa129ca6149be45e5'
    """
    k0, k1 = (k & _MASK for k in key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]  # fmt: skip
    tail = s[len(s) & ~7 :].ljust(7, b"\0") + bytes([len(s) & 255])
    words = [w for (w,) in struct.iter_unpack("<Q", s[: len(s) & ~7] + tail)]
    for word in words:
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        a = (v[0] + v[1]) & _MASK
        b = _rotate(v[1], 51) ^ a
        c = (v[2] + v[3]) & _MASK
        d = _rotate(v[3], 48) ^ c
        a = (_rotate(a, 32) + d) & _MASK
        c = (c + b) & _MASK
        v[:] = [a, _rotate(b, 47) ^ c, _rotate(c, 32), _rotate(d, 43) ^ a]


def hasher(salt: Sequence[int] | None) -> Callable[[str], int]:
    """The hash of a string, remembered: SipHash with the salt as key, else the fingerprint."""

    @functools.cache
    def hashed(text: str) -> int:
        data = text.encode("utf-8")
        return fingerprint64(data) if salt is None else siphash(salt, data)

    return hashed
