# SPDX-License-Identifier: MIT
"""What runs the product on the simulators, and counts."""
