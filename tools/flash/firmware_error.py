# SPDX-License-Identifier: MIT
"""The one error of what reads firmware files."""


class FirmwareError(Exception):
    """A file is not the firmware that the board needs; the message says why and what to do."""
