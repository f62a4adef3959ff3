# SPDX-License-Identifier: MIT
"""Tests that run on the desk."""
