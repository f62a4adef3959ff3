# SPDX-License-Identifier: MIT
"""Cuts the power at every erase and program of real littlefs, and looks what is left."""
