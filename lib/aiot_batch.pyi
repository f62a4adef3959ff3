# SPDX-License-Identifier: MIT

from collections.abc import Sequence

def join(reports: Sequence[tuple[str, bytes]]) -> tuple[str, bytes] | None: ...
