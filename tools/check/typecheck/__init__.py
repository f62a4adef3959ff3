# SPDX-License-Identifier: MIT
"""Checks the on-board code against each board's own published stubs, without the board."""
