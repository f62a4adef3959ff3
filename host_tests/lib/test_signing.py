# SPDX-License-Identifier: MIT
"""Signing: the reference's vectors, HMAC beside CPython's, hashes in Python beside native ones."""

import hashlib
import hmac

import aiot_http
import aiot_purehash
import pytest
from hypothesis import given
from hypothesis import strategies as st

PARAMS = {
    "clientId": "12345",
    "deviceName": "device",
    "productKey": "pk",
    "timestamp": "789",
    "signmethod": "hmacsha1",
    "sign": "not part of the content",
    "version": "default",
}

# ../shared reference, "Sign vectors"
VECTORS = {
    "hmacmd5": "14b198324fe55e1d3c88f2e705e201ee",
    "hmacsha1": "fafd82a3d602b37fb0fa8b7892f24a477f851a14",
    "hmacsha256": "6074a46a91b1ebb2cc4ea42790ad0e80202c9843859fc292e57c4eb19fad9e57",
}
DIGESTS = {"hmacmd5": "md5", "hmacsha1": "sha1", "hmacsha256": "sha256"}


@pytest.mark.parametrize(("method", "expected"), VECTORS.items())
def test_vector(run, method, expected):
    assert run("signing.sign", params=PARAMS, secret="secret", method=method) == expected


@pytest.mark.parametrize(("method", "expected"), VECTORS.items())
def test_vector_where_hashlib_has_sha1_alone(run, method, expected):
    found = run("signing.sign_without_native", params=PARAMS, secret="secret", method=method)
    assert found == expected


@pytest.mark.parametrize("method", VECTORS)
@pytest.mark.parametrize("size", [1, 63, 64, 65, 200])
def test_key_of_any_length(run, method, size):
    key = "k" * size
    content = "clientId12345deviceNamedeviceproductKeypktimestamp789"
    expected = hmac.new(key.encode(), content.encode(), DIGESTS[method]).hexdigest()
    assert run("signing.sign", params=PARAMS, secret=key, method=method) == expected


@pytest.mark.parametrize("method", ["hmacsha512", "", "HMACSHA1", None])
def test_unknown_method_is_refused(run, method):
    assert "hmacsha256" in run("signing.sign_refuses", method=method)


def test_parameters_without_names_are_refused(run):
    assert [said.partition(":")[0] for said in run("signing.odd_params_refused")] == ["sign"] * 6


@pytest.mark.parametrize(
    ("params", "secret", "what"),
    [
        ({"clientId": "a\ud800"}, "secret", "params"),
        ({"client\udfff": "a"}, "secret", "params"),
        ({"clientId": "a"}, "secret\ud800", "secret"),
    ],
)
def test_text_that_utf_8_cannot_hold_is_refused_and_not_shown(params, secret, what):
    """MicroPython's UTF-8 holds halves of surrogate pairs, as any other character."""
    with pytest.raises(aiot_http.AiotError) as caught:
        aiot_http.sign(params, secret)
    assert str(caught.value) == f"{what}: not text that UTF-8 can hold"


@pytest.mark.parametrize("name", aiot_purehash.HASHES)
def test_pure_hash_at_every_length_over_three_blocks(run, name):
    assert run("signing.pure_matches_native", name=name, least=0, most=200) == 200


@given(data=st.binary(max_size=1000), cut=st.integers(0, 1000))
@pytest.mark.parametrize("name", aiot_purehash.HASHES)
def test_pure_hash_on_random_input(name, data, cut):
    pure = aiot_purehash.HASHES[name]()
    pure.update(data[:cut])
    pure.update(data[cut:])
    assert pure.digest() == hashlib.new(name, data).digest()


@given(
    params=st.dictionaries(st.text(max_size=20), st.text(max_size=20)),
    secret=st.text(max_size=100),
    method=st.sampled_from(sorted(VECTORS)),
)
def test_sign_on_random_input(params, secret, method):
    content = "".join(
        name + params[name]
        for name in sorted(params)
        if name not in ("version", "sign", "signmethod")
    )
    expected = hmac.new(secret.encode(), content.encode(), DIGESTS[method]).hexdigest()
    assert aiot_http.sign(params, secret, method) == expected
