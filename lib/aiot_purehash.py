# SPDX-License-Identifier: MIT
"""MD5 (RFC 1321) and SHA-256 (FIPS 180-4) in Python, for boards whose firmware lacks them.

About a hundred times slower than native ones; a sign-in hashes four blocks of 64 bytes, once
in seven days.
"""

from aiot_port import const

_WORD = const(0xFFFFFFFF)  # both hashes count in words of 32 bits
_BLOCK = const(64)  # bytes

# fmt: off
# |sin(i + 1)| * 2^32 for i from 0 to 63 (RFC 1321, 3.4). Written out: a board's float has 24 bits.
_MD5_SINES = (
    0xD76AA478, 0xE8C7B756, 0x242070DB, 0xC1BDCEEE, 0xF57C0FAF, 0x4787C62A, 0xA8304613, 0xFD469501,
    0x698098D8, 0x8B44F7AF, 0xFFFF5BB1, 0x895CD7BE, 0x6B901122, 0xFD987193, 0xA679438E, 0x49B40821,
    0xF61E2562, 0xC040B340, 0x265E5A51, 0xE9B6C7AA, 0xD62F105D, 0x02441453, 0xD8A1E681, 0xE7D3FBC8,
    0x21E1CDE6, 0xC33707D6, 0xF4D50D87, 0x455A14ED, 0xA9E3E905, 0xFCEFA3F8, 0x676F02D9, 0x8D2A4C8A,
    0xFFFA3942, 0x8771F681, 0x6D9D6122, 0xFDE5380C, 0xA4BEEA44, 0x4BDECFA9, 0xF6BB4B60, 0xBEBFBC70,
    0x289B7EC6, 0xEAA127FA, 0xD4EF3085, 0x04881D05, 0xD9D4D039, 0xE6DB99E5, 0x1FA27CF8, 0xC4AC5665,
    0xF4292244, 0x432AFF97, 0xAB9423A7, 0xFC93A039, 0x655B59C3, 0x8F0CCC92, 0xFFEFF47D, 0x85845DD1,
    0x6FA87E4F, 0xFE2CE6E0, 0xA3014314, 0x4E0811A1, 0xF7537E82, 0xBD3AF235, 0x2AD7D2BB, 0xEB86D391,
)
_MD5_TURNS = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))  # RFC 1321, 3.4

# The fractional bits of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
_SHA256_ROOTS = (
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
)
# fmt: on


class _BlockHash:
    """What MD5 and SHA-256 share: whole blocks of 64 bytes, the last one padded."""

    def __init__(self, state):
        self._state = state
        self._rest = b""
        self._length = 0  # bytes

    def update(self, data):
        """Hash some more bytes."""
        self._length += len(data)
        data = self._rest + bytes(data)
        whole = len(data) - len(data) % _BLOCK
        for start in range(0, whole, _BLOCK):
            self._compress(data, start)
        self._rest = data[whole:]

    def digest(self):
        """Return the hash as bytes. To be called once, as on a board's own objects."""
        bits = self._length * 8
        padding = bytes((55 - self._length) % _BLOCK)
        self.update(b"\x80" + padding + bits.to_bytes(8, self._order))
        return b"".join([word.to_bytes(4, self._order) for word in self._state])

    def _words(self, data, start):
        return [
            int.from_bytes(data[place : place + 4], self._order)
            for place in range(start, start + _BLOCK, 4)
        ]


class Md5(_BlockHash):
    """MD5, RFC 1321."""

    _order = "little"

    def __init__(self):
        super().__init__([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476])

    def _compress(self, data, start):
        words = self._words(data, start)
        a, b, c, d = self._state
        for i in range(64):
            if i < 16:
                mixed, which = (b & c) | (~b & d), i
            elif i < 32:
                mixed, which = (d & b) | (~d & c), 5 * i + 1
            elif i < 48:
                mixed, which = b ^ c ^ d, 3 * i + 5
            else:
                mixed, which = c ^ (b | (~d & _WORD)), 7 * i
            total = (a + mixed + _MD5_SINES[i] + words[which % 16]) & _WORD
            turn = _MD5_TURNS[i // 16][i % 4]
            turned = ((total << turn) | (total >> (32 - turn))) & _WORD
            a, b, c, d = d, (b + turned) & _WORD, b, c
        self._state = [(x + y) & _WORD for x, y in zip(self._state, (a, b, c, d))]


class Sha256(_BlockHash):
    """SHA-256, FIPS 180-4."""

    _order = "big"

    def __init__(self):
        # The fractional bits of the square roots of the first 8 primes (FIPS 180-4, 5.3.3).
        super().__init__(
            [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A]
            + [0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
        )

    def _compress(self, data, start):
        words = self._words(data, start)
        for i in range(16, 64):
            near, far = words[i - 15], words[i - 2]
            near = _turn(near, 7) ^ _turn(near, 18) ^ (near >> 3)
            far = _turn(far, 17) ^ _turn(far, 19) ^ (far >> 10)
            words.append((words[i - 16] + near + words[i - 7] + far) & _WORD)
        a, b, c, d, e, f, g, h = self._state
        for i in range(64):
            first = h + (_turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)) + ((e & f) ^ (~e & g))
            first += _SHA256_ROOTS[i] + words[i]
            second = (_turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
            h, g, f, e = g, f, e, (d + first) & _WORD
            d, c, b, a = c, b, a, (first + second) & _WORD
        self._state = [(x + y) & _WORD for x, y in zip(self._state, (a, b, c, d, e, f, g, h))]


def _turn(word, count):
    """Rotate a 32-bit word right; the bits above the 32nd may be dirt, and are masked later."""
    return (word >> count) | ((word << (32 - count)) & _WORD)


HASHES = {"md5": Md5, "sha256": Sha256}
