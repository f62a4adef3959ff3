# SPDX-License-Identifier: MIT
"""Tests of firmware/ and boards/: what runs on a board beside the library."""
