# SPDX-License-Identifier: MIT
"""Certificate authorities in the two forms that runtimes take: DER one by one, or PEM text.

`ca` is, as everywhere in this library: None for the shipped roots, DER bytes, PEM text (or its
bytes), or the path of a file with either. Several certificates may follow one another, and are
trusted together. Of the shipped roots one at a time is: each takes 3 KB while its context lives.
In which order they are tried is the rule of aiot_roots.
"""

import binascii
import sys

from aiot_errors import ca_error

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_GIVE = "give DER bytes, PEM text or a path to either"
_SEQUENCE = b"\x30\x82"  # how a certificate of 256 to 65535 bytes begins (X.690, 8.1.3)

# Each is in a module aiot_root_…; tools/roots.py looks after them. The likeliest comes first: the
# vendor's SDKs have had R1 for long, new instances were seen under the vendor's own root, and its
# other services go over to R46. A board remembers a place in this list, so one that comes later
# goes to the end.
SHIPPED = ("r1", "aliyun", "r46", "r3", "r6", "e46")


def shipped(number):
    """Return the DER bytes of one of the shipped roots, by its place in SHIPPED."""
    name = "aiot_root_" + SHIPPED[number % len(SHIPPED)]
    try:
        return __import__(name).DER
    finally:
        sys.modules.pop(name, None)  # a board has no RAM for bytes that TLS has read


def ders(ca, root=0):
    """Return the certificates, an iterable of DER bytes (MicroPython takes one a call).

    Where `ca` is None it is one, the shipped root of this number. Raises AiotError when there is
    none, one is damaged, or the file cannot be read.
    """
    if ca is None:
        return (shipped(root),)
    data = _data(ca)
    if data[:2] == _SEQUENCE:
        return _split_der(data)
    return _decode_pem(data)


def pem(ca, root=0):
    """Return them as `ders`, but as one PEM string (CircuitPython takes no other form)."""
    lines = []
    for der in ders(ca, root):
        lines.append(_BEGIN)
        text = binascii.b2a_base64(der).decode().strip()
        lines.extend([text[place : place + 64] for place in range(0, len(text), 64)])
        lines.append(_END)
    return "\n".join(lines) + "\n"


def _data(ca):
    if isinstance(ca, (bytes, bytearray, memoryview)):
        return bytes(ca)
    if not isinstance(ca, str):
        if not hasattr(ca, "__fspath__"):
            raise ca_error("ca: " + _GIVE)
        ca = str(ca)  # a pathlib.Path of desktop Python
    if _BEGIN in ca:
        return ca.encode()
    try:
        with open(ca, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise ca_error("ca: cannot read the file %s (%s)" % (ca, error)) from None


def _decode_pem(data):
    begin, end_mark = _BEGIN.encode(), _END.encode()
    start = data.find(begin)
    if start < 0:
        raise ca_error("ca: no certificate in it; " + _GIVE)
    while start >= 0:
        start += len(begin)
        end = data.find(end_mark, start)
        try:
            der = binascii.a2b_base64(data[start:end])
        except ValueError:
            der = b""
        if end < 0 or der[:2] != _SEQUENCE:
            raise ca_error("ca: a certificate in the PEM text is damaged")
        yield der
        start = data.find(begin, end)


def _split_der(data):
    """Cut certificates apart by the length in each one's first bytes (X.690, 8.1.3)."""
    start = 0
    while start < len(data):
        if data[start : start + 2] != _SEQUENCE or len(data) < start + 4:
            raise ca_error("ca: the DER data is not a certificate at byte %d" % start)
        end = start + 4 + (data[start + 2] << 8) + data[start + 3]
        if end > len(data):
            raise ca_error("ca: the DER data ends inside a certificate")
        yield data[start:end]
        start = end
