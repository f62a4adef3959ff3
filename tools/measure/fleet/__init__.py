# SPDX-License-Identifier: MIT
"""Hundreds of virtual devices against the local platform: what an outage and its end look like."""
