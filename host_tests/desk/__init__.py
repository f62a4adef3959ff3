# SPDX-License-Identifier: MIT
"""Tests of the desk's simulators and of what measures on them."""
