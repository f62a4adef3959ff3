# SPDX-License-Identifier: MIT
"""What holds our own source against what others publish."""
