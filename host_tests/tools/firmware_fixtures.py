# SPDX-License-Identifier: MIT
"""Firmware files that several tests only read."""

import pytest

from host_tests.tools.firmware_files import firmware, pico_blocks


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A file for ESP32_GENERIC; not to be changed."""
    return firmware(tmp_path_factory.mktemp("good"))


@pytest.fixture
def pico_file(tmp_path):
    """A file for RPI_PICO_W."""
    path = tmp_path / "pico.uf2"
    path.write_bytes(b"".join(pico_blocks()))
    return path
