# SPDX-License-Identifier: MIT
"""A local IoT Platform for the desk: real TLS, `/auth` and `/topic`, faults on demand."""

from .server import Platform

__all__ = ["Platform"]
