# SPDX-License-Identifier: MIT
"""Soaks the firmware: boards report while everything goes wrong; the ledger is the judge."""
