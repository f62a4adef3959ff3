# SPDX-License-Identifier: MIT
"""Tests of the tools that people use on their boards, and of what checks and packs."""
