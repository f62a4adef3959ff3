# SPDX-License-Identifier: MIT
"""How long a battery and a flash last: a model of cited currents and measured counts."""
