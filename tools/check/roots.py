# SPDX-License-Identifier: MIT
"""Look after the root certificates that the library ships, each in a lib/aiot_root_*.py.

`python -m tools.roots FILE...` takes them from files that hold them, in PEM: the source of the
vendor's SDK does, and so does a distribution's bundle. Without a file it only says whether each
module holds the certificate whose fingerprint stands here.

To ship another one: find its fingerprint in two sources, give it a row in ROOTS here, take it
from a file, and put its module's name into SHIPPED in lib/aiot_ca.py.
"""

import argparse
import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tools.common import console
from tools.common.program import Program

FOLDER = Path(__file__).resolve().parents[2] / "lib"

# The vendor's Python SDK; its source archive on PyPI has the SHA-256
# e992703e3f665e0b5be2761a8c652c2e4402eaeedef05761ac86cb8a3195f251.
_SDK = "aliyun-iot-linkkit 1.2.13"
_DEBIAN = "Debian's ca-certificates 20230311"


@dataclass(frozen=True)
class Root:
    """A root certificate: its module, what it is called, and what it is known by."""

    module: str
    name: str
    sha256: str  # of its DER bytes
    sources: str  # where it was found with this very fingerprint

    @property
    def path(self) -> Path:
        """Where its module is."""
        return FOLDER / f"aiot_root_{self.module}.py"


# The vendor's SDKs ship R1, R6, E46, R46 and its own; its storage service asks for R3 too.
ROOTS = (
    Root(
        "r1",
        "GlobalSign Root CA (R1)",
        "ebd41040e4bb3ec742c9e381d31ef2a41a48b6685c96e7cef3c1df6cd4331c99",
        f"{_SDK}, {_DEBIAN}",
    ),
    Root(
        "aliyun",
        "Aliyun IoT Root CA",
        "7ca438a3976b5242d231f861499822da855831382735836b361e7e9715661676",
        f"{_SDK}, the vendor's C SDK 4.2",
    ),
    Root(
        "r46",
        "GlobalSign Root R46",
        "4fa3126d8d3a11d1c4855a4f807cbad6cf919d3a5a88b03bea2c6372d93c40c9",
        f"{_SDK}, {_DEBIAN}",
    ),
    Root(
        "r3",
        "GlobalSign Root CA - R3",
        "cbb522d7b7f127ad6a0113865bdf1cd4102e7d0759af635a7cf4720dc963c53b",
        f"{_DEBIAN}, certifi 2026.10.19",
    ),
    Root(
        "r6",
        "GlobalSign Root CA - R6",
        "2cabeafe37d06ca22aba7391c0033d25982952c453647349763a3ab5ad6ccf69",
        f"{_SDK}, {_DEBIAN}",
    ),
    Root(
        "e46",
        "GlobalSign Root E46",
        "cbb9c44d84b8043e1050ea31a69f514955d7bfd2e2c6b49301019ad61d9f5058",
        f"{_SDK}, {_DEBIAN}",
    ),
)

_MODULE = '''# SPDX-License-Identifier: MIT
"""{root.name}: expires {expires}.

Its SHA-256 is {half}
{rest}, in
{root.sources}.
Made by `python -m tools.roots`; do not edit.
"""

DER = (
{der})
'''

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s[^-]+-----END CERTIFICATE-----")
_ACROSS = 22  # bytes of a certificate in a line


def source(root: Root, certificate: x509.Certificate) -> str:
    """Return the text of a root's module."""
    data = certificate.public_bytes(Encoding.DER)
    lines = [data[place : place + _ACROSS].hex("-") for place in range(0, len(data), _ACROSS)]
    der = "".join('    b"\\x' + line.replace("-", "\\x") + '"\n' for line in lines)
    return _MODULE.format(
        root=root,
        expires=certificate.not_valid_after_utc.date(),
        half=root.sha256[:32],
        rest=root.sha256[32:],
        der=der,
    )


def take(files: list[Path]) -> list[str]:
    """Write the module of each root of ours that these files hold; return their modules' names."""
    known = {root.sha256: root for root in ROOTS}
    taken = []
    for path in files:
        for pem in _PEM.findall(path.read_bytes()):
            certificate = x509.load_pem_x509_certificate(pem)
            root = known.get(certificate.fingerprint(SHA256()).hex())
            if root is not None:
                root.path.write_text(source(root, certificate))
                taken.append(root.module)
    return taken


def trouble(root: Root) -> str:
    """Return what is wrong with a root's module, "" where nothing is."""
    path = root.path
    try:
        text = path.read_text()
        der = ast.literal_eval(ast.parse(text).body[-1].value)
        certificate = x509.load_der_x509_certificate(der)
    except (OSError, SyntaxError, ValueError, AttributeError, IndexError, TypeError) as error:
        return f"{path.name}: no certificate in it ({error})"
    if certificate.fingerprint(SHA256()).hex() != root.sha256:
        return f"{path.name}: another certificate than {root.name}"
    return "" if text == source(root, certificate) else f"{path.name}: its text was edited"


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", type=Path, help="where to take them")


def _work(options: argparse.Namespace) -> int:
    """Take the roots from files, and check them all. Return the exit status."""
    try:
        taken = take(options.files)
    except (OSError, ValueError) as error:
        console.warn(f"roots: {error}")
        return 1
    if options.files:
        console.say(f"written: {', '.join(taken) or 'none, no root of ours is in there'}")
    wrong = [text for text in map(trouble, ROOTS) if text]
    for text in wrong:
        console.warn(f"roots: {text}")
    if not wrong:
        console.say(f"{len(ROOTS)} roots, each with its fingerprint")
    return 1 if wrong else 0


main = Program(
    "roots",
    _work,
    _add_options,
    description=__doc__,
)

if __name__ == "__main__":
    sys.exit(main.run())
