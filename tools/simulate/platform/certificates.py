# SPDX-License-Identifier: MIT
"""Throw-away certificates like the real service's, and bad ones for tests.

A chain is an RSA-2048 leaf under an RSA intermediate under a root. The server sends the leaf and
the intermediate; the root is what a client is given to trust. All are RSA because boards and
old SDKs often know nothing else.
"""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

NAMES = ("localhost", "127.0.0.1")  # the names a client may call the platform by

_LIFE = timedelta(days=398)  # the longest that public authorities issue for (CA/B Forum)
_DAY = timedelta(days=1)  # begun so long ago, lest a time zone or a slow clock matter


@dataclass(frozen=True)
class Certificate:
    """What a server shows, and the root by which a client is to judge it (PEM)."""

    ca_pem: bytes
    leaf: trustme.LeafCert = field(repr=False)

    @property
    def ca_der(self) -> bytes:
        """The same root in DER, which older MicroPython needs."""
        return x509.load_pem_x509_certificate(self.ca_pem).public_bytes(Encoding.DER)

    def configure(self, context: ssl.SSLContext) -> None:
        """Let this server context show the leaf and its intermediate."""
        self.leaf.configure_cert(context)


class Authority:
    """A root and an intermediate below it."""

    def __init__(self):
        root = trustme.CA(
            path_length=1,
            organization_name="local IoT Platform",
            organization_unit_name="throw-away root",
            key_type=trustme.KeyType.RSA,
        )
        self.ca_pem = root.cert_pem.bytes()
        self._intermediate = root.create_child_ca(trustme.KeyType.RSA)

    def issue(
        self,
        names: tuple[str, ...] = NAMES,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> trustme.LeafCert:
        """Return an RSA-2048 leaf for these names; it is good from yesterday for 398 days."""
        not_before = not_before or datetime.now(timezone.utc) - _DAY
        return self._intermediate.issue_cert(
            *names,
            common_name=names[0],
            not_before=not_before,
            not_after=not_after or not_before + _LIFE,
            key_type=trustme.KeyType.RSA,
        )


@functools.lru_cache(maxsize=1)
def authority() -> Authority:
    """Return this process's authority.

    It is one for all platforms, as keys take long to make, and as a platform that starts again
    is to be known by its clients.
    """
    return Authority()


@functools.lru_cache(maxsize=1)
def good() -> Certificate:
    """Return this process's sound certificate."""
    return Certificate(authority().ca_pem, authority().issue())


def unknown_authority() -> Certificate:
    """Return a sound chain that ends at another root than the client's."""
    return Certificate(authority().ca_pem, Authority().issue())


def wrong_name() -> Certificate:
    """Return a certificate for another host."""
    return Certificate(authority().ca_pem, authority().issue(("elsewhere.example",)))


def expired() -> Certificate:
    """Return a certificate that ended yesterday."""
    end = datetime.now(timezone.utc) - _DAY
    return Certificate(authority().ca_pem, authority().issue(NAMES, end - _LIFE, end))


def not_yet_valid() -> Certificate:
    """Return a certificate that begins tomorrow."""
    start = datetime.now(timezone.utc) + _DAY
    return Certificate(authority().ca_pem, authority().issue(NAMES, start))
