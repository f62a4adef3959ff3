# SPDX-License-Identifier: MIT
"""Measures the library beside its peers and the limits: `python -m tools.bench`."""
