# SPDX-License-Identifier: MIT
"""Call `module.function` with arguments in JSON, and print what it returns."""

import gc
import json
import sys

gc.threshold(8192)  # as micropython/main.py does
_module, _function = sys.argv[1].split(".")
_result = getattr(__import__(_module), _function)(**json.loads(sys.argv[2]))
print("RESULT", json.dumps(_result))
