# SPDX-License-Identifier: MIT
"""Bodies of tests, for CPython and MicroPython alike."""
