# SPDX-License-Identifier: MIT
"""Tools for the desk; nothing here runs on a board."""
