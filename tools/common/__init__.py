# SPDX-License-Identifier: MIT
"""What several programs use: the terminal, boards' facts, files on their way to a board."""
