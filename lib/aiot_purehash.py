# SPDX-License-Identifier: MIT
"""MD5 (RFC 1321) and SHA-256 (FIPS 180-4) in Python, for boards whose firmware lacks them.

They are about a hundred times slower than native ones, but a sign-in hashes only four blocks of 64
bytes, once in seven days.
"""

from aiot_port import const

_WORD = const(0xFFFFFFFF)  # both hashes count in words of 32 bits
_BLOCK = const(64)  # bytes

# Words of 32 bits, big-endian. As numbers they would take three times the flash and the RAM.
# |sin(i + 1)| * 2^32 for i from 0 to 63 (RFC 1321, 3.4), as a board's float has only 24 bits.
_MD5_SINES = (
    b"\xd7\x6a\xa4\x78\xe8\xc7\xb7\x56\x24\x20\x70\xdb\xc1\xbd\xce\xee"
    b"\xf5\x7c\x0f\xaf\x47\x87\xc6\x2a\xa8\x30\x46\x13\xfd\x46\x95\x01"
    b"\x69\x80\x98\xd8\x8b\x44\xf7\xaf\xff\xff\x5b\xb1\x89\x5c\xd7\xbe"
    b"\x6b\x90\x11\x22\xfd\x98\x71\x93\xa6\x79\x43\x8e\x49\xb4\x08\x21"
    b"\xf6\x1e\x25\x62\xc0\x40\xb3\x40\x26\x5e\x5a\x51\xe9\xb6\xc7\xaa"
    b"\xd6\x2f\x10\x5d\x02\x44\x14\x53\xd8\xa1\xe6\x81\xe7\xd3\xfb\xc8"
    b"\x21\xe1\xcd\xe6\xc3\x37\x07\xd6\xf4\xd5\x0d\x87\x45\x5a\x14\xed"
    b"\xa9\xe3\xe9\x05\xfc\xef\xa3\xf8\x67\x6f\x02\xd9\x8d\x2a\x4c\x8a"
    b"\xff\xfa\x39\x42\x87\x71\xf6\x81\x6d\x9d\x61\x22\xfd\xe5\x38\x0c"
    b"\xa4\xbe\xea\x44\x4b\xde\xcf\xa9\xf6\xbb\x4b\x60\xbe\xbf\xbc\x70"
    b"\x28\x9b\x7e\xc6\xea\xa1\x27\xfa\xd4\xef\x30\x85\x04\x88\x1d\x05"
    b"\xd9\xd4\xd0\x39\xe6\xdb\x99\xe5\x1f\xa2\x7c\xf8\xc4\xac\x56\x65"
    b"\xf4\x29\x22\x44\x43\x2a\xff\x97\xab\x94\x23\xa7\xfc\x93\xa0\x39"
    b"\x65\x5b\x59\xc3\x8f\x0c\xcc\x92\xff\xef\xf4\x7d\x85\x84\x5d\xd1"
    b"\x6f\xa8\x7e\x4f\xfe\x2c\xe6\xe0\xa3\x01\x43\x14\x4e\x08\x11\xa1"
    b"\xf7\x53\x7e\x82\xbd\x3a\xf2\x35\x2a\xd7\xd2\xbb\xeb\x86\xd3\x91"
)
_MD5_TURNS = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))  # RFC 1321, 3.4

# The fractional bits of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
_SHA256_ROOTS = (
    b"\x42\x8a\x2f\x98\x71\x37\x44\x91\xb5\xc0\xfb\xcf\xe9\xb5\xdb\xa5"
    b"\x39\x56\xc2\x5b\x59\xf1\x11\xf1\x92\x3f\x82\xa4\xab\x1c\x5e\xd5"
    b"\xd8\x07\xaa\x98\x12\x83\x5b\x01\x24\x31\x85\xbe\x55\x0c\x7d\xc3"
    b"\x72\xbe\x5d\x74\x80\xde\xb1\xfe\x9b\xdc\x06\xa7\xc1\x9b\xf1\x74"
    b"\xe4\x9b\x69\xc1\xef\xbe\x47\x86\x0f\xc1\x9d\xc6\x24\x0c\xa1\xcc"
    b"\x2d\xe9\x2c\x6f\x4a\x74\x84\xaa\x5c\xb0\xa9\xdc\x76\xf9\x88\xda"
    b"\x98\x3e\x51\x52\xa8\x31\xc6\x6d\xb0\x03\x27\xc8\xbf\x59\x7f\xc7"
    b"\xc6\xe0\x0b\xf3\xd5\xa7\x91\x47\x06\xca\x63\x51\x14\x29\x29\x67"
    b"\x27\xb7\x0a\x85\x2e\x1b\x21\x38\x4d\x2c\x6d\xfc\x53\x38\x0d\x13"
    b"\x65\x0a\x73\x54\x76\x6a\x0a\xbb\x81\xc2\xc9\x2e\x92\x72\x2c\x85"
    b"\xa2\xbf\xe8\xa1\xa8\x1a\x66\x4b\xc2\x4b\x8b\x70\xc7\x6c\x51\xa3"
    b"\xd1\x92\xe8\x19\xd6\x99\x06\x24\xf4\x0e\x35\x85\x10\x6a\xa0\x70"
    b"\x19\xa4\xc1\x16\x1e\x37\x6c\x08\x27\x48\x77\x4c\x34\xb0\xbc\xb5"
    b"\x39\x1c\x0c\xb3\x4e\xd8\xaa\x4a\x5b\x9c\xca\x4f\x68\x2e\x6f\xf3"
    b"\x74\x8f\x82\xee\x78\xa5\x63\x6f\x84\xc8\x78\x14\x8c\xc7\x02\x08"
    b"\x90\xbe\xff\xfa\xa4\x50\x6c\xeb\xbe\xf9\xa3\xf7\xc6\x71\x78\xf2"
)


class _BlockHash:
    """The common part of MD5 and SHA-256: blocks of 64 bytes, and the padding of the last one."""

    def __init__(self, state):
        self._state = self._words(state, 0, len(state))
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
        """Return the hash as bytes. Call it only once, as with a board's own objects."""
        bits = self._length * 8
        padding = bytes((55 - self._length) % _BLOCK)
        self.update(b"\x80" + padding + bits.to_bytes(8, self._order))
        return b"".join([word.to_bytes(4, self._order) for word in self._state])

    def _words(self, data, start, size):
        return [
            int.from_bytes(data[place : place + 4], self._order)
            for place in range(start, start + size, 4)
        ]


class Md5(_BlockHash):
    """MD5, RFC 1321."""

    _order = "little"

    def __init__(self):
        super().__init__(b"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10")

    def _compress(self, data, start):
        words = self._words(data, start, _BLOCK)
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
            total = (a + mixed + _word(_MD5_SINES, 4 * i) + words[which % 16]) & _WORD
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
            b"\x6a\x09\xe6\x67\xbb\x67\xae\x85\x3c\x6e\xf3\x72\xa5\x4f\xf5\x3a"
            b"\x51\x0e\x52\x7f\x9b\x05\x68\x8c\x1f\x83\xd9\xab\x5b\xe0\xcd\x19"
        )

    def _compress(self, data, start):
        words = self._words(data, start, _BLOCK)
        for i in range(16, 64):
            near, far = words[i - 15], words[i - 2]
            near = _turn(near, 7) ^ _turn(near, 18) ^ (near >> 3)
            far = _turn(far, 17) ^ _turn(far, 19) ^ (far >> 10)
            words.append((words[i - 16] + near + words[i - 7] + far) & _WORD)
        a, b, c, d, e, f, g, h = self._state
        for i in range(64):
            first = h + (_turn(e, 6) ^ _turn(e, 11) ^ _turn(e, 25)) + ((e & f) ^ (~e & g))
            first += _word(_SHA256_ROOTS, 4 * i) + words[i]
            second = (_turn(a, 2) ^ _turn(a, 13) ^ _turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
            h, g, f, e = g, f, e, (d + first) & _WORD
            d, c, b, a = c, b, a, (first + second) & _WORD
        self._state = [(x + y) & _WORD for x, y in zip(self._state, (a, b, c, d, e, f, g, h))]


def _word(table, place):
    return int.from_bytes(table[place : place + 4], "big")


def _turn(word, count):
    """Rotate a 32-bit word right. Bits above the 32nd may be wrong; the caller masks them."""
    return (word >> count) | ((word << (32 - count)) & _WORD)


HASHES = {"md5": Md5, "sha256": Sha256}
