# SPDX-License-Identifier: MIT
"""In a process of its own: call one body, its arguments and result being JSON."""

import gc
import json
import os
import sys

if sys.implementation.name == "micropython":
    gc.threshold(8192)  # as micropython/main.py does: what stays lies close together

here = sys.argv[0].rpartition("/")[0]
root = here + "/../.."
sys.path[:0] = [here, os.getenv("TEST_LIBRARY") or root + "/lib"]
sys.path.append(root + "/firmware")  # last: its code.py must not hide CPython's own

body = getattr(__import__(sys.argv[1]), sys.argv[2])
result = body(**json.load(sys.stdin))
sys.stdout.write("RESULT ")
json.dump(result, sys.stdout)  # piece by piece: as one text it would need room in one piece
print()
