# SPDX-License-Identifier: MIT
"""Reads the console's list of devices: a CSV file with a header, in any order of columns."""

import csv
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools.board.facts import PROJECT

sys.path.insert(0, str(PROJECT / "lib"))

import aiot_http  # noqa: E402 - found by the path above

KEY, NAME, SECRET = "ProductKey", "DeviceName", "DeviceSecret"
_SHOWN = 20  # problems; more would scroll the first away
_STAND_IN = "none"  # for checking a row that has no DeviceSecret, and needs none


class DevicesError(Exception):
    """The file cannot be used; the message names each line and what is wrong with it."""


@dataclass(frozen=True)
class Identity:
    """One device: what the console says of it. The secret is "" where it is still to be had."""

    product_key: str
    device_name: str
    device_secret: str = field(repr=False)

    @property
    def device(self):
        """(ProductKey, DeviceName)."""
        return self.product_key, self.device_name


def read_devices(path, product_key=None):
    """Return the list of `Identity` in a CSV file, in its order.

    With `product_key` the devices are still to be registered: only DeviceName is needed, and
    rows of other products are refused. Raises `DevicesError` for a file in which anything is
    wrong, all of it at once, and never with a secret.
    """
    rows = _rows(path)
    needed = [NAME] if product_key else [KEY, NAME, SECRET]
    columns = _columns(path, rows, needed)
    identities, problems, lines = [], [], {}
    for number, row in rows[1:]:
        if not any(cell.strip() for cell in row):
            continue
        try:
            identity = _identity(row, columns, product_key)
            first = lines.setdefault(identity.device, number)
            if first != number:
                raise DevicesError(f"{identity.device_name} stands already at line {first}")
            identities.append(identity)
        except (DevicesError, aiot_http.AiotError) as error:
            problems.append(f"{path} line {number}: {error}")
    if problems:
        more = len(problems) - _SHOWN
        rest = [f"and {more} more"] if more > 0 else []
        raise DevicesError("\n".join(problems[:_SHOWN] + rest))
    if not identities:
        raise DevicesError(f"{path}: no devices in it, only a header")
    return identities


def _rows(path):
    """Return [(line number, cells)] of a file; a cell with line breaks counts from its end."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")  # Excel and the console put a mark
    except OSError as error:
        raise DevicesError(f"{path}: {error.strerror}; name the CSV of devices") from error
    except UnicodeDecodeError as error:
        raise DevicesError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from error
    header = text.partition("\n")[0]
    # Spreadsheets write what their country uses between cells.
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise DevicesError(f"{path} line {reader.line_num}: {error}") from error
    if not rows:
        raise DevicesError(f"{path}: empty")
    return rows


def _columns(path, rows, needed):
    """Return {name: position} from the header, which may be written in any case."""
    header = [cell.replace(" ", "").replace("_", "").lower() for cell in rows[0][1]]
    for name in (KEY, NAME, SECRET):
        if header.count(name.lower()) > 1:
            raise DevicesError(f"{path} line 1: two columns named {name}")
    missing = [name for name in needed if name.lower() not in header]
    if missing:
        raise DevicesError(
            f"{path} line 1: no column {', '.join(missing)}; the first line has to name the "
            f"columns {', '.join(needed)}"
        )
    names = (KEY, NAME, SECRET)
    return {name: header.index(name.lower()) for name in names if name.lower() in header}


def _identity(row, columns, product_key):
    """Return the identity of a row. Raises `DevicesError` or `AiotError`, without a secret."""
    cells = {name: row[at].strip() for name, at in columns.items() if at < len(row)}
    missing = [name for name in columns if name not in cells]
    if missing and (not product_key or NAME in missing):
        raise DevicesError(f"{len(row)} cells, none for {', '.join(missing)}")
    key = cells.get(KEY) or product_key or ""
    if product_key and key != product_key:
        raise DevicesError(f"a device of another product, {key}")
    secret = "" if product_key else cells[SECRET]
    # The library's own rules; a device that is still to be registered has no secret to check.
    aiot_http.Device(key, cells[NAME], _STAND_IN if product_key else secret)
    return Identity(key, cells[NAME], secret)
