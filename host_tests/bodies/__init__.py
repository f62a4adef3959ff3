"""Bodies of tests, for CPython and MicroPython alike."""
