# SPDX-License-Identifier: MIT
"""The shipped roots, one at a time: which are tried, how often, and what is remembered.

Authorities of the tests play them: their modules lie in a folder that is looked through first.
"""

import shutil
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import aiot_ca
import aiot_roots
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from host_tests.conftest import DEVICE
from host_tests.interpreters import Run
from host_tests.lib.tls_door import Door
from tools.check import roots
from tools.provision import registration
from tools.simulate.platform import Platform, certificates

COUNT = len(aiot_ca.SHIPPED)


@pytest.fixture(scope="module")
def authorities():
    """As many as there are shipped roots, in the order in which they are tried."""
    return [certificates.Authority() for _ in aiot_ca.SHIPPED]


@pytest.fixture(scope="module")
def stranger():
    """A server's certificate that none of them gave."""
    return chain(certificates.Authority())


def chain(authority, leaf=None):
    return certificates.Certificate(authority.ca_pem, leaf or authority.issue())


def der_of(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def module(folder, name, der):
    (folder / f"aiot_root_{name}.py").write_text(f"DER = {der!r}\n")


@pytest.fixture
def folder(authorities, tmp_path):
    """The modules by which these authorities play the shipped roots."""
    folder = tmp_path / "roots"
    folder.mkdir()
    for name, authority in zip(aiot_ca.SHIPPED, authorities, strict=True):
        module(folder, name, der_of(authority.ca_pem))
    return folder


@pytest.fixture
def door(platform, authorities):
    with Door(platform, chain(authorities[0])) as door:
        yield door


@pytest.fixture
def start(run, folder, door, tmp_path):
    """Return a function that plays one start, as bodies/roots.py has it."""
    run.heap = "192k"
    run.apart = True

    def start(count=1, ca=None, **options):
        place = {"device": DEVICE, "host": "127.0.0.1", "port": door.port, "ca": ca}
        place["token_path"] = str(tmp_path / "aiot_token.json")
        return run("roots.publish", place=place, folder=str(folder), count=count, **options)

    start.interpreter = run.interpreter
    return start


# Which is tried


@pytest.mark.parametrize("number", range(COUNT))
def test_right_one_is_found_remembered_and_written_once(
    start, door, platform, authorities, number
):
    door.shows = chain(authorities[number])
    assert start(count=3) == [[report.message_id for report in platform.reports], 1]
    assert (door.opened, len(platform.reports)) == (number + 1, 3)
    outcomes, writes = start(count=2)
    assert outcomes == [report.message_id for report in platform.reports][3:]
    assert (door.opened, writes) == (number + 2, 0)


def test_none_fits_costs_each_a_handshake_once(start, door, platform, stranger):
    door.shows = stranger
    handshakes = []
    for count in (1, 2, 3, 4):
        door.opened = 0
        outcomes, writes = start(count=count)
        handshakes.append(door.opened)
        assert {name for name, _, _ in outcomes} == {"NetworkError"}
        assert all("certificate" in text for _, text, _ in outcomes)
        assert writes == 0
    assert handshakes == [COUNT, COUNT + 2, COUNT + 4, COUNT + 6]
    assert platform.requests == []


@pytest.mark.parametrize("number", [0, 1, 3, COUNT - 1])
def test_right_one_is_found_behind_a_server_that_none_fitted(
    start, door, platform, authorities, stranger, number
):
    """A router answered first: the server itself is found in so many attempts more."""
    door.shows = stranger
    door.change = COUNT, chain(authorities[number])
    outcomes, writes = start(count=COUNT)
    failed = [outcome for outcome in outcomes if isinstance(outcome, list)]
    assert len(failed) == max(number, 1)
    assert outcomes[len(failed) :] == [report.message_id for report in platform.reports]
    assert writes == 1
    later = 1 if not number else 2 * number
    assert door.opened == COUNT + later


def test_remembered_one_comes_first_once_the_router_is_gone(
    start, door, platform, authorities, stranger
):
    door.shows = chain(authorities[3])
    start()
    door.shows, door.opened = stranger, 0
    door.change = COUNT + 2, chain(authorities[3])
    outcomes, writes = start(count=3)
    assert [isinstance(outcome, list) for outcome in outcomes] == [True, True, False]
    assert (door.opened, writes) == (COUNT + 2 + 1, 0)


def test_another_root_is_found_later_and_kept_in_the_same_report(
    start, door, platform, authorities
):
    """The board may sleep right behind the report: the next start must know."""
    door.shows = chain(authorities[4])
    assert start()[1] == 1
    door.shows, door.opened = chain(authorities[1]), 0
    outcomes, writes = start(count=2)  # from 4 on: 5, 0, 1
    assert (door.opened, writes) == (4, 1)
    assert start()[1] == 0
    assert door.opened == 5
    assert len(platform.reports) == 4
    assert platform.sign_ins == 1


def test_all_are_tried_at_once_again_after_one_fitted(
    start, door, platform, authorities, stranger
):
    door.change = 1, chain(authorities[5])
    outcomes, writes = start(count=3, forget=True)
    assert outcomes == [report.message_id for report in platform.reports]
    assert (door.opened, writes) == (1 + 6 + 1, 2)


def test_given_authority_is_the_only_one(start, door, platform, authorities, folder, tmp_path):
    path = tmp_path / "ca.der"
    path.write_bytes(der_of(authorities[2].ca_pem))
    door.shows = chain(authorities[1])
    outcomes, _ = start(count=2, ca=str(path))
    assert [name for name, _, _ in outcomes] == ["NetworkError"] * 2
    assert door.opened == 2
    door.shows = chain(authorities[2])
    assert start(ca=str(path))[0] == [report.message_id for report in platform.reports]
    assert door.opened == 3


def test_given_authorities_are_trusted_together(start, door, platform, authorities, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(b"".join(authority.ca_pem for authority in authorities))
    door.shows = chain(authorities[4])
    assert start(ca=str(path))[0] == [report.message_id for report in platform.reports]
    assert door.opened == 1


# What is wrong with a certificate


def der_until_yesterday(authority):
    """Return the root of this authority as it would be had it ended yesterday."""
    root = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    end = datetime.now(timezone.utc) - timedelta(days=1)
    built = x509.CertificateBuilder(
        root.issuer, root.subject, root.public_key(), root.serial_number,
        end - timedelta(days=3650), end, list(root.extensions),
    )  # fmt: skip
    key = load_pem_private_key(authority.private_key_pem.bytes(), None)
    return built.sign(key, SHA256()).public_bytes(Encoding.DER)


def expired(authority):
    end = datetime.now(timezone.utc) - timedelta(days=1)
    return chain(authority, authority.issue(certificates.NAMES, end - timedelta(days=300), end))


@pytest.mark.parametrize("number", [0, 2, COUNT - 1])
def test_expired_is_told_from_unknown(start, door, authorities, stranger, number):
    if start.interpreter == "circuitpython":
        pytest.skip("its TLS looks at no dates")
    door.shows = expired(authorities[number])
    ((name, text, clock),), _ = start()
    assert (name, clock) == ("NetworkError", True)
    assert "expired" in text and "not correctly signed" not in text
    assert door.opened == COUNT
    door.shows = stranger
    ((name, text, clock),), _ = start()
    assert (name, clock) == ("NetworkError", False)
    assert "expired" not in text


def test_root_that_has_expired_makes_room_for_another(start, door, platform, authorities, folder):
    """As R1 in 2028, of a server whose chain leads to a newer root too."""
    if start.interpreter == "circuitpython":
        pytest.skip("its TLS looks at no dates")
    root = trustme.CA(path_length=1, key_type=trustme.KeyType.RSA)
    leaf = root.create_child_ca(trustme.KeyType.RSA).issue_cert(
        *certificates.NAMES, key_type=trustme.KeyType.RSA
    )
    door.shows = certificates.Certificate(root.cert_pem.bytes(), leaf)
    module(folder, aiot_ca.SHIPPED[3], der_of(root.cert_pem.bytes()))
    assert start()[1] == 1
    door.opened = 1
    module(folder, aiot_ca.SHIPPED[3], der_until_yesterday(root))
    module(folder, aiot_ca.SHIPPED[5], der_of(root.cert_pem.bytes()))
    assert start(count=2)[0] == [report.message_id for report in platform.reports][1:]
    assert door.opened == 1 + 3


# Time and memory


def slow(run, **arguments):
    if run.interpreter == "circuitpython":
        pytest.skip("it has a connection of its own")
    run.apart = True  # it imports another body
    return run("slow_roots.attempts", **arguments)


def test_roots_that_take_long_keep_the_deadline_and_feed_the_watchdog(run):
    found = slow(run, handshake_ms=3000, count=4, timeout=5)
    for text, took, longest, _ in found:
        assert took <= 2 * 5000
        assert longest <= 1000
        assert "no answer" not in text and "certificate" in text
    # Three have time in an attempt, and the fourth is broken off; each begins with the first.
    assert [tried for _, _, _, tried in found] == [[0, 1, 2, 3], [0, 4, 5], [0, 1], [0, 2]]


def test_fast_ones_are_all_tried(run):
    found = slow(run, handshake_ms=300, count=3, timeout=5)
    assert [tried for _, _, _, tried in found] == [[0, 1, 2, 3, 4, 5], [0, 1], [0, 2]]


@pytest.mark.parametrize("number", [0, COUNT - 1])
def test_heap_is_that_of_one_root(door, authorities, folder, compiled, tmp_path, number):
    """MicroPython keeps the path of each module for ever: they are as short as a board's here."""
    run = Run("micropython")
    run.library = compiled
    door.shows = chain(authorities[number])
    der = tmp_path / "ca.der"
    der.write_bytes(der_of(authorities[number].ca_pem))

    def held(ca, token):
        place = {"device": DEVICE, "host": "127.0.0.1", "port": door.port, "ca": ca}
        place["token_path"] = str(tmp_path / token)
        return run("roots.held", place=place, folder=short)

    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as short:
        shutil.copytree(folder, short, dirs_exist_ok=True)
        one, six = held(str(der), "one.json"), held(None, "six.json")
    print(f"{one} bytes held with one root, {six} with six shipped")
    assert six <= one + 400


# What is kept


def test_kept_root_is_whole_or_none(run):
    assert run("roots.damage_every_bit") < 20


def test_kept_number_of_another_version(run):
    assert run("roots.numbers_that_are_none", roots=[0, 5, 77, -1, "3", None, True]) == [
        0, 5, 77, -1, "none", 0, "none",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [COUNT + 3, -3])
def test_number_that_no_root_has_here(start, door, platform, authorities, tmp_path, number):
    import aiot_http
    import aiot_signing

    device = aiot_http.Device(*DEVICE)
    kept = aiot_signing.sealed(device, f"127.0.0.1:{door.port}", "old", 1, number)
    (tmp_path / "aiot_token.json").write_bytes(kept)
    door.shows = chain(authorities[3])
    assert start()[0] == [report.message_id for report in platform.reports]
    assert door.opened == 1


# Around it


def test_rule_counts_as_many_as_there_are():
    assert aiot_roots.COUNT == COUNT == len(roots.ROOTS)
    assert [root.module for root in roots.ROOTS] == list(aiot_ca.SHIPPED)


@pytest.mark.parametrize("number", [0, COUNT - 1])
def test_registration_finds_its_root(authorities, folder, monkeypatch, number):
    monkeypatch.syspath_prepend(str(folder))
    with (
        Platform(
            devices=[], products=[(DEVICE[0], "secret")], unregistered=[DEVICE[:2]]
        ) as platform,
        Door(platform, chain(authorities[number])) as door,
    ):
        secret = registration.register(DEVICE[0], DEVICE[1], "secret", "127.0.0.1", door.port)
        assert secret
        assert door.opened == number + 1


def test_tool_takes_roots_from_a_file_and_finds_a_damaged_one(tmp_path, monkeypatch, capsys):
    bundle = tmp_path / "bundle.py"
    for number, root in enumerate(roots.ROOTS):
        certificate = x509.load_der_x509_certificate(aiot_ca.shipped(number))
        with bundle.open("ab") as file:
            file.write(b"text = '''\n" + certificate.public_bytes(Encoding.PEM) + b"'''\n")
        assert certificate.fingerprint(SHA256()).hex() == root.sha256
    monkeypatch.setattr(roots, "FOLDER", tmp_path)
    assert roots.main([]) == 1
    assert roots.main([str(bundle)]) == 0
    for path in tmp_path.glob("aiot_root_*.py"):
        assert path.read_bytes() == (Path(aiot_ca.__file__).parent / path.name).read_bytes()
    first = roots.ROOTS[0].path
    first.write_text(roots.ROOTS[1].path.read_text())
    capsys.readouterr()
    assert roots.main([]) == 1
    assert "another certificate than GlobalSign Root CA (R1)" in capsys.readouterr().err
    assert roots.main([str(tmp_path / "none")]) == 1
