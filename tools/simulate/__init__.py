# SPDX-License-Identifier: MIT
"""What stands in for a board, the platform and the network on the desk, and shows them."""
