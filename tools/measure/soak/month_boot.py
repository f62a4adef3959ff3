# SPDX-License-Identifier: MIT
"""boot.py of a board in its simulated month: readings that can be counted.

The firmware that main.py starts after it is the shipped one.
"""

import gc

gc.threshold(8192)  # as main.py does, for what is imported here already

import counted  # noqa: E402

counted.install()
