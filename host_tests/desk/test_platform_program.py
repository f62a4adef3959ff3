# SPDX-License-Identifier: MIT
"""The local platform's certificates and TLS, and `python -m tools.platform` itself."""

import http.client
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from datetime import datetime, timezone

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from host_tests.conftest import ROOT
from tools.simulate.platform import Platform, certificates, signing
from tools.simulate.platform.faults import FAULTS

DEVICE = ("pk", "dn", "secret")
LIMIT = 20  # seconds for a program to start and to end on a busy machine


def shown_chain():
    return [
        x509.load_pem_x509_certificate(p.bytes()) for p in certificates.good().leaf.cert_chain_pems
    ]


def test_the_leaf_is_rsa_2048_for_the_local_names():
    leaf, intermediate = shown_chain()
    assert isinstance(leaf.public_key(), rsa.RSAPublicKey)
    assert leaf.public_key().key_size == 2048
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert leaf.not_valid_before_utc < datetime.now(timezone.utc) < leaf.not_valid_after_utc
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_server_shows_an_intermediate_and_not_the_root():
    leaf, intermediate = shown_chain()
    root = x509.load_pem_x509_certificate(certificates.good().ca_pem)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert root.public_bytes(Encoding.DER) == certificates.good().ca_der
    assert len({leaf.subject, intermediate.subject, root.subject}) == 3


def connect(platform, host="localhost", suites=None):
    context = ssl.create_default_context(cadata=platform.ca_pem.decode())
    if suites:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suites)
    with (
        socket.create_connection(("127.0.0.1", platform.port), LIMIT) as raw,
        context.wrap_socket(raw, server_hostname=host) as secured,
    ):
        return secured.cipher(), secured.getpeercert(binary_form=True)


@pytest.mark.parametrize("host", certificates.NAMES)
def test_a_client_verifies_both_names(host):
    with Platform(devices=[DEVICE]) as platform:
        _, leaf = connect(platform, host)
    assert leaf == shown_chain()[0].public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (certificates.unknown_authority, "unable to get local issuer certificate"),
        (certificates.wrong_name, "Hostname mismatch"),
        (certificates.expired, "certificate has expired"),
        (certificates.not_yet_valid, "certificate is not yet valid"),
    ],
)
def test_bad_certificates_fail_for_their_reason(make, words):
    with Platform(devices=[DEVICE], certificate=make()) as platform:
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            connect(platform)
        assert platform.requests == []


@pytest.mark.parametrize("suite", ["AES128-SHA", "AES256-SHA", "AES128-GCM-SHA256"])
def test_rsa_key_exchange_only_with_legacy_tls(suite):
    with Platform(devices=[DEVICE]) as platform:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(platform, suites=suite + ":@SECLEVEL=0")
        assert platform.connections == 0
    with Platform(devices=[DEVICE], legacy_tls=True) as platform:
        cipher, _ = connect(platform, suites=suite + ":@SECLEVEL=0")
        assert cipher[0] == suite


@pytest.mark.parametrize("legacy", [False, True])
def test_newer_suites_go_on(legacy):
    with Platform(devices=[DEVICE], legacy_tls=legacy) as platform:
        for suite in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"):
            assert connect(platform, suites=suite)[0][0] == suite
        assert connect(platform)[0][1] == "TLSv1.3"


@pytest.mark.parametrize("legacy", [False, True])
def test_tls_1_1_is_refused(legacy):
    with Platform(devices=[DEVICE], legacy_tls=legacy) as platform:
        context = ssl.create_default_context(cadata=platform.ca_pem.decode())
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1_1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        raw = socket.create_connection(("127.0.0.1", platform.port), LIMIT)
        with raw, pytest.raises(ssl.SSLError):
            context.wrap_socket(raw, server_hostname="localhost")


def test_plain_http_gets_no_reply():
    with Platform(devices=[DEVICE]) as platform:
        connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=LIMIT)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            connection.request("POST", "/auth", b"{}")
            connection.getresponse()
        connection.close()
        assert (platform.connections, platform.requests) == (0, [])


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tools.platform", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


@pytest.fixture
def program(tmp_path):
    """The program for one device, its URL and its CA file; it is ended if a test did not."""
    ca_file = tmp_path / "made" / "ca.pem"
    command = [sys.executable, "-m", "tools.platform", "--port", "0", "--ca-out", ca_file]
    command += ["--device", "pk,dn,secret", "--misbehave", "throttle@3", "--seconds", str(LIMIT)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on (\S+)  CA: (\S+)  devices: pk/dn\n", line)
        assert found and found[2] == str(ca_file), line + process.stderr.read()
        yield process, found[1], ca_file
        process.kill()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_program_serves_and_ends_cleanly(program, end):
    process, url, ca_file = program
    fields = {"productKey": "pk", "deviceName": "dn", "clientId": "board"}
    fields["sign"] = signing.sign(fields, "secret")
    with requests.Session() as session:
        session.trust_env = False  # the environment's bundle would win over verify
        session.verify = str(ca_file)
        token = session.post(url + "/auth", json=fields, timeout=LIMIT).json()["info"]["token"]
        headers = {"password": token, "Content-Type": "application/octet-stream"}
        codes = [
            session.post(url + "/topic/pk/dn/user/pub", "dark\n", headers=headers, timeout=LIMIT)
            for _ in range(2)
        ]
        headers["password"] = "unknown"
        session.post(url + "/topic/pk/dn/user/pub", "whose", headers=headers, timeout=LIMIT)
    assert [one.json()["code"] for one in codes] == [0, 40000]
    process.send_signal(end)
    output, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, errors) == (0, "")

    auth, report, refused, unknown, summary = output.splitlines()
    assert "#1  connection 1  POST /auth  " in auth and "HTTP 200  0 success" in auth
    number = codes[0].json()["info"]["messageId"]
    assert report.endswith(f"5 B  HTTP 200  0 success  messageId {number}  dark.")
    assert "40000 request too many" in refused and "fault throttle" in refused
    assert "20003 check token error" in unknown and "whose" not in unknown
    assert summary == "4 requests, 1 reports, 1 sign-ins"
    assert all(secret not in output for secret in (token, fields["sign"], "secret"))


def test_a_client_that_does_not_speak_http_is_one_line(program):
    process, url, ca_file = program
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), LIMIT) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as secured,
    ):
        secured.sendall(b"POST /auth HTTP/1.1\r\nno header\r\n\r\n")
        assert b" 400 " in secured.recv(1000)
    process.terminate()
    output, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, output) == (0, "0 requests, 0 reports, 0 sign-ins\n")
    assert errors.count("\n") == 1 and errors.startswith("Error handling request from 127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "x"], "'x' is not a port; give a number from 0 to 65535"),
        (["--port", "65536"], "'65536' is not a port"),
        (["--device", "pk,dn"], "2 parts instead of ProductKey,DeviceName,DeviceSecret"),
        (["--device", f"pk,dn,{'s' * 65}"], "the DeviceSecret has 65 characters"),
        (["--device", "a,b,c", "--device", "a,b,d"], "give each device once"),
        (["--misbehave", "drip:gap=slow"], "gap: 'slow' is not a number"),
        (["--misbehave", "drip:size=1"], "no option 'size'; its keys: gap, times, on"),
        (["--misbehave", "drop@x"], "the request number after @: 'x' is not a number"),
        (["--rate-limit", "0"], "'0' is not a number above 0"),
        (["--port", "0", "--ca-out", "/dev/null/ca.pem"], "name a file that can be written"),
    ],
)
@pytest.mark.slow
def test_wrong_arguments_are_one_clear_line(arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_a_taken_port_is_one_clear_line(tmp_path):
    with Platform(devices=[DEVICE]) as platform:
        done = run("--port", str(platform.port), "--ca-out", str(tmp_path / "ca.pem"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"cannot listen on port {platform.port}: Address already in use" in done.stderr
    assert not (tmp_path / "ca.pem").exists()  # another platform's file may have this name


def test_without_a_device_it_says_which_one_it_has(tmp_path):
    started = time.monotonic()
    done = run("--port", "0", "--ca-out", str(tmp_path / "ca.pem"), "--seconds", "0.1")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, summary = done.stdout.splitlines()
    assert first.endswith("devices: a1GFjLPXXXX/device123")
    assert "demo device" in second and "--help" in second
    assert summary == "0 requests, 0 reports, 0 sign-ins"
    assert time.monotonic() - started < LIMIT


def test_help_lists_every_fault():
    text = run("--help").stdout
    for name, kind in FAULTS.items():
        assert re.search(rf"^  {name}\b.*{re.escape(kind.meaning)}$", text, re.MULTILINE), name
