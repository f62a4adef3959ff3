# SPDX-License-Identifier: MIT
"""Scripts that desk tools run on a board; they are never deployed to it."""
