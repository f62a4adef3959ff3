# SPDX-License-Identifier: MIT
"""Make lib/aiot_roots.py: the certificate authorities that the library ships.

They are taken from the pinned `certifi` package (Mozilla's list). `python -m tools.roots`
writes the file; `python -m tools.roots --check` only tells whether it is as certifi has it.
"""

import argparse
import sys
import warnings
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from tools.common import console
from tools.common.program import Program

TARGET = Path(__file__).parents[2] / "lib" / "aiot_roots.py"

# The roots that the official SDKs ship or that succeed them (reference, "TLS roots"), by the
# subject that certifi's list holds them under: (organizational unit, common name).
WANTED = (
    ("GlobalSign R1", "Root CA", "GlobalSign Root CA"),
    ("GlobalSign R3", "GlobalSign Root CA - R3", "GlobalSign"),
    ("GlobalSign R6", "GlobalSign Root CA - R6", "GlobalSign"),
)

HEAD = '''# SPDX-License-Identifier: MIT
"""The certificate authorities that this library trusts unless told otherwise.

Made by `python -m tools.roots` from certifi {version}; do not edit. To trust others, give
`ca=` a path, PEM text or DER bytes. DER, because it is a quarter shorter, in flash and in RAM;
aiot_ca makes of it the PEM that CircuitPython wants.
"""

ROOTS = (
{roots})
'''

ROOT = """    # {label}: expires {expires}, SHA-256
    # {fingerprint}
    {der},
"""

_ACROSS = 22  # bytes of a certificate in a line


def name_of(certificate: x509.Certificate) -> tuple[str, str]:
    """Return (organizational unit, common name) of a certificate's subject, "" where absent."""
    subject = certificate.subject
    unit = subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    common = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return (str(unit[0].value) if unit else "", str(common[0].value) if common else "")


def _literal(data: bytes) -> str:
    """Return bytes as Python literals below one another, in parentheses."""
    lines = [data[place : place + _ACROSS].hex("-") for place in range(0, len(data), _ACROSS)]
    texts = ['        b"\\x' + line.replace("-", "\\x") + '"\n' for line in lines]
    return "(\n" + "".join(texts) + "    )"


def source() -> str:
    """Return the text of lib/aiot_roots.py. Raises SystemExit where certifi lacks a root."""
    bundle = Path(certifi.where()).read_bytes()
    # A root that is not ours has a serial number that cryptography warns of.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    known = {name_of(root): root for root in x509.load_pem_x509_certificates(bundle)}
    roots = []
    for label, unit, common in WANTED:
        root = known.get((unit, common))
        if root is None:
            raise SystemExit(f"certifi {certifi.__version__} has no {label}: pin one that has")
        facts = {
            "label": label,
            "expires": root.not_valid_after_utc.date(),
            "fingerprint": root.fingerprint(SHA256()).hex(),
            "der": _literal(root.public_bytes(Encoding.DER)),
        }
        roots.append(ROOT.format(**facts))
    return HEAD.format(version=certifi.__version__, roots="".join(roots))


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")


def _work(options: argparse.Namespace) -> int:
    """Write the file, or with --check compare it. Return the exit status."""
    if options.check:
        same = TARGET.read_text() == source()
        is_as = "is as" if same else "is NOT as"
        console.say(f"{TARGET.name} {is_as} certifi {certifi.__version__} has it")
        return 0 if same else 1
    TARGET.write_text(source())
    console.say(f"wrote {TARGET}")
    return 0


main = Program(
    "roots",
    _work,
    _add_options,
    description=__doc__,
)

if __name__ == "__main__":
    sys.exit(main.run())
