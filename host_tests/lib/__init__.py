# SPDX-License-Identifier: MIT
"""Tests of lib/: the library, under every interpreter."""
