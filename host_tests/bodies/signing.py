# SPDX-License-Identifier: MIT
"""Signing and hashing."""

import aiot_http
import aiot_purehash
import aiot_signing
from aiot_errors import AiotError


def sign(params, secret, method):
    return aiot_http.sign(params, secret, method)


def sign_refuses(method):
    try:
        aiot_http.sign({"clientId": "1"}, "secret", method)
    except AiotError as error:
        return str(error)
    return None


def odd_params_refused():
    """Return what is said of parameters that have no names to sort them by."""
    said = []
    for params in ({1: 2}, {"a": 1, None: 2}, {("a",): 1}, [("a", "b")], None, "ab"):
        try:
            said.append(aiot_http.sign(params, "secret"))
        except AiotError as error:
            said.append(str(error))
    return said


def pure_matches_native(name, least, most):
    """Hash `least` to `most` bytes in Python and natively, in pieces of three sizes."""
    data = bytes([(7 * i + 3) & 0xFF for i in range(most)])
    for size in range(least, most):
        native = aiot_signing.new_hash(name)
        native.update(data[:size])
        expected = native.digest()
        for piece in (1 + size // 3, 64, most):
            pure = aiot_purehash.HASHES[name]()
            for start in range(0, size, piece):
                pure.update(data[start : min(size, start + piece)])
            assert pure.digest() == expected, (name, size, piece)
    return most - least


def sign_without_native(params, secret, method):
    """Sign on a board whose hashlib has SHA-1 alone, as some CircuitPython ones do."""
    whole = aiot_signing.hashlib

    class OnlySha1:
        @staticmethod
        def new(name):
            if name != "sha1":
                raise ValueError("Unsupported hash algorithm")
            return whole.sha1()

    aiot_signing.hashlib = OnlySha1
    try:
        return aiot_signing.sign(params, secret, method)
    finally:
        aiot_signing.hashlib = whole
