# SPDX-License-Identifier: MIT
"""Makes what users install: `python -m tools.dist`."""
