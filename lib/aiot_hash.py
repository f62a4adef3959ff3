# SPDX-License-Identifier: MIT
"""Hash objects with `update` and `digest`, from the firmware where it has them.

Every board has SHA-1. MD5 and SHA-256 are missing on some (CircuitPython never has MD5, the
Pico W has it from MicroPython 1.27); there `aiot_purehash` takes over, loaded only then.
"""

try:
    import hashlib
except ImportError:  # firmware of some makers has only the old name
    import uhashlib as hashlib


def new(name):
    """Return a new hash object for `name`: "md5", "sha1" or "sha256".

    Only `update(bytes)` and one `digest()` may be called on it: a board's objects can no more.
    """
    try:
        if hasattr(hashlib, name):
            return getattr(hashlib, name)()
        if hasattr(hashlib, "new"):  # CircuitPython's only constructor
            return hashlib.new(name)
    except ValueError:  # known by name but switched off, as MD5 is in FIPS mode
        pass
    import aiot_purehash

    return aiot_purehash.HASHES[name]()
