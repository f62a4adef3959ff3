# SPDX-License-Identifier: MIT
"""Certificate authorities in the two forms that runtimes take: DER one by one, or PEM text.

`ca` is None for the shipped roots, DER bytes, PEM text (or its bytes), or the path of a file with
either. It may hold several certificates, which are trusted together. The shipped roots are trusted
one at a time, as each takes 3 KB while its context lives; aiot_roots chooses which one to try.
"""

import binascii
import sys

from aiot_errors import ca_error

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_GIVE = "give DER bytes, PEM text or a path to either"
_SEQUENCE = b"\x30\x82"  # how a certificate of 256 to 65535 bytes begins (X.690, 8.1.3)

# Each is in a module aiot_root_…, which tools/check/roots.py makes. The likeliest root is first:
# the vendor's SDKs have long had R1, new instances were seen under the vendor's own root, and its
# other services change to R46. A board saves a place in this list, so a new root goes to the end.
SHIPPED = ("r1", "aliyun", "r46", "r3", "r6", "e46")


def shipped(number):
    """Return the DER bytes of one of the shipped roots, by its place in SHIPPED."""
    name = "aiot_root_" + SHIPPED[number % len(SHIPPED)]
    try:
        return __import__(name).DER
    finally:
        sys.modules.pop(name, None)  # TLS has its own copy, and a board has no RAM for two


def ders(ca, root=0):
    """Return the certificates, an iterable of DER bytes (MicroPython takes one in a call).

    If `ca` is None, it is the shipped root of this number. Raises AiotError if there is no
    certificate, if one is damaged, or if the file cannot be read.
    """
    if ca is None:
        return (shipped(root),)
    data = _data(ca)
    if data[:2] == _SEQUENCE:
        return _split_der(data)
    return _decode_pem(data)


def pem(ca, root=0):
    """Return the certificates of `ders` as one PEM text (CircuitPython takes no other form)."""
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
    """Split certificates by the length in the first bytes of each (X.690, 8.1.3)."""
    start = 0
    while start < len(data):
        if data[start : start + 2] != _SEQUENCE or len(data) < start + 4:
            raise ca_error("ca: the DER data is not a certificate at byte %d" % start)
        end = start + 4 + (data[start + 2] << 8) + data[start + 3]
        if end > len(data):
            raise ca_error("ca: the DER data ends inside a certificate")
        yield data[start:end]
        start = end
