# SPDX-License-Identifier: MIT
"""Fixtures: the stand-ins of provision_desk in place of boards, ports and platform."""

import pytest

from host_tests.tools.provision_desk import (
    DEVICES,
    PRODUCT,
    STAND_INS,
    TEMPLATE,
    StandInBoard,
    StandIns,
)
from tools.provision import __main__ as provision
from tools.provision import plugged, registration


@pytest.fixture
def world(monkeypatch):
    world = StandIns()
    STAND_INS[:] = [world]
    monkeypatch.setattr(provision, "Board", StandInBoard)
    monkeypatch.setattr(registration, "register", world.fetch)
    monkeypatch.setattr(plugged.Ports, "wait", lambda self: "port")
    for owner, name in ((provision.Ledger, "_append"), (provision.Vault, "_save")):
        real = getattr(owner, name)

        def stepped(self, *words, real=real, **named):
            return world.step(lambda: real(self, *words, **named))

        monkeypatch.setattr(owner, name, stepped)
    return world


@pytest.fixture
def desk(tmp_path):
    (tmp_path / "template.toml").write_text(TEMPLATE.format(port=1))
    rows = "".join(",".join(row) + "\n" for row in DEVICES)
    (tmp_path / "devices.csv").write_text("ProductKey,DeviceName,DeviceSecret\n" + rows)
    (tmp_path / "product-secret").write_text(PRODUCT[1] + "\n")
    return tmp_path
