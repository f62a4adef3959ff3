# SPDX-License-Identifier: MIT
"""Makes boards devices of the platform: `python -m tools.provision`."""
