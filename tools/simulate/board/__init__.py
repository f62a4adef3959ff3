# SPDX-License-Identifier: MIT
"""A virtual board: real MicroPython, a flash image and a pseudo-terminal for `mpremote`.

It is for the demo and the tests; a real board takes its place by giving its port instead. What is
simulated, and how far, is told in `on_board/`: everything else is MicroPython's unix port itself.
"""

from tools.common.errors import BoardError
from tools.simulate.board.board import Board

__all__ = ["Board", "BoardError"]
