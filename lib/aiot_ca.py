"""Certificate authorities in the two forms that runtimes take: DER one by one, or PEM text.

`ca` is, as everywhere in this library: None for the shipped roots, DER bytes, PEM text (or its
bytes), or the path of a file with either. Several certificates may follow one another.
"""

import binascii
import sys

from aiot_errors import AiotError

_BEGIN = b"-----BEGIN CERTIFICATE-----"
_END = b"-----END CERTIFICATE-----"


def ders(ca):
    """Yield the certificates one by one as DER bytes (MicroPython takes one a call).

    Raises AiotError when there is none, one is damaged, or the file cannot be read.
    """
    data = _data(ca)
    if data[:1] == b"\x30":
        return _split_der(data)
    if data.find(_BEGIN) < 0:
        raise AiotError("ca: no certificate in it; give DER bytes, PEM text or a path to either")
    return _decode_pem(data)


def pem(ca):
    """Return the certificates as one PEM string (CircuitPython takes no other form)."""
    lines = []
    for der in ders(ca):
        lines.append(_BEGIN.decode())
        text = binascii.b2a_base64(der).decode().strip()
        lines.extend([text[place : place + 64] for place in range(0, len(text), 64)])
        lines.append(_END.decode())
    return "\n".join(lines) + "\n"


def _data(ca):
    if ca is None:
        import aiot_roots

        del sys.modules["aiot_roots"]  # needed once; its 4 KB of text need not stay in RAM
        return aiot_roots.PEM.encode()
    if isinstance(ca, str) and _BEGIN.decode() not in ca:
        try:
            with open(ca, "rb") as file:
                return file.read()
        except OSError as error:
            raise AiotError("ca: cannot read the file %s (%s)" % (ca, error)) from None
    return ca.encode() if isinstance(ca, str) else bytes(ca)


def _decode_pem(data):
    start = data.find(_BEGIN)
    while start >= 0:
        start += len(_BEGIN)
        end = data.find(_END, start)
        try:
            der = binascii.a2b_base64(data[start:end])
        except ValueError:
            der = b""
        if end < 0 or der[:1] != b"\x30":
            raise AiotError("ca: a certificate in the PEM text is damaged")
        yield der
        start = data.find(_BEGIN, end)


def _split_der(data):
    """Cut certificates apart by the length in each one's first bytes (X.690, 8.1.3)."""
    start = 0
    while start < len(data):
        if data[start : start + 2] != b"\x30\x82":  # a SEQUENCE of 256 to 65535 bytes
            raise AiotError("ca: the DER data is not a certificate at byte %d" % start)
        end = start + 4 + (data[start + 2] << 8) + data[start + 3]
        if end > len(data):
            raise AiotError("ca: the DER data ends inside a certificate")
        yield data[start:end]
        start = end
