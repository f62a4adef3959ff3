# SPDX-License-Identifier: MIT
"""Reads lists of devices, as the console gives them and as spreadsheets leave them.

A CSV file with a header, its columns in any order; or the JSON that the console's one-click copy
gives, one object or several. In UTF-8, UTF-16 or GBK.
"""

import csv
import io
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools.common.facts import PROJECT

sys.path.insert(0, str(PROJECT / "lib"))

import aiot_names  # noqa: E402 - found by the path above

KEY, NAME, SECRET = "ProductKey", "DeviceName", "DeviceSecret"
_SHOWN = 20  # problems; more would scroll the first away
_BLANKS = " \t\r\n"
_DELIMITERS = ",;\t"  # spreadsheets write what their country uses between cells

_WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")  # how .xlsx and .ods begin, and .xls

# ="00123" keeps a spreadsheet from taking a text for a number.
_FORMULA = re.compile(r'="([^"]*)"')
# What a spreadsheet makes of a long number, and of what it cannot read.
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[eE][+-]?[0-9]{1,3}")
_FAILED = re.compile(r"#[A-Z0-9/]+[!?]?")


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
    """Return the list of `Identity` in a file, in its order.

    With `product_key` the devices are still to be registered: only DeviceName is needed, and
    rows of other products are refused. Raises `DevicesError` for a file in which anything is
    wrong, all of it at once, and never with a secret.
    """
    identities, problems, places = [], [], {}
    for place, cells in _entries(path, product_key):
        try:
            identity = _identity(cells, product_key)
            first = places.setdefault(identity.device, place)
            if first != place:
                raise DevicesError(f"{identity.device_name} stands already at {first}")
            identities.append(identity)
        except DevicesError as error:
            problems.append(f"{path} {place}: {error}")
    if problems:
        more = len(problems) - _SHOWN
        rest = [f"and {more} more"] if more > 0 else []
        raise DevicesError("\n".join(problems[:_SHOWN] + rest))
    if not identities:
        raise DevicesError(f"{path}: no devices in it, only a header")
    return identities


def _entries(path, product_key):
    """Return [(where it stands, {column: cell})] of a file."""
    text = _text(path)
    if not text.strip(_BLANKS):
        raise DevicesError(f"{path}: empty")
    if text.lstrip(_BLANKS)[0] in "[{":
        return _objects(path, text)
    rows = _rows(path, text)
    needed = [NAME] if product_key else [KEY, NAME, SECRET]
    header = _header(rows[0][1])
    columns = _columns(f"{path} line {rows[0][0]}", header, needed)
    found = []
    for number, row in rows[1:]:
        again = _header(row)
        if not any(cell.strip(_BLANKS) for cell in row) or again == header:
            continue  # lists that were put together repeat it
        if all(name.lower() in again for name in needed):
            raise DevicesError(f"{path} line {number}: another header; give each list by itself")
        cells = {name: row[at].strip(_BLANKS) for name, at in columns.items() if at < len(row)}
        found.append((f"line {number}", cells))
    return found


def _text(path):
    """Return the text of a file, in whichever of the usual encodings it is."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DevicesError(f"{path}: {error.strerror}; name the CSV of devices") from error
    if data.startswith(_WORKBOOKS):
        raise DevicesError(f"{path}: a workbook of a spreadsheet; save it as CSV")
    for encoding in _encodings(data):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DevicesError(f"{path}: neither UTF-8 nor GBK text; save it as CSV in UTF-8")


def _encodings(data):
    """Return which encodings a text may have, by its first bytes."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ["utf-16"]
    if data[1:4:2] == b"\0\0":
        return ["utf-16-le"]
    if data[0:3:2] == b"\0\0":
        return ["utf-16-be"]
    return ["utf-8-sig", "gb18030"]  # the latter holds GBK, in which China's Windows saves


def _objects(path, text):
    """Return [(which object, {name: value})] of JSON: one object, several, or a list of them."""
    decoder = json.JSONDecoder(object_pairs_hook=_pairs)
    found, at = [], 0
    try:
        while text[at:].strip(_BLANKS + ","):
            at += len(text[at:]) - len(text[at:].lstrip(_BLANKS + ","))
            value, at = decoder.raw_decode(text, at)
            found += value if isinstance(value, list) else [value]
    except (ValueError, RecursionError):
        raise DevicesError(
            f"{path}: not the JSON that the console's one-click copy gives; paste it again"
        ) from None
    return [(f"device {number}", _members(value)) for number, value in enumerate(found, 1)]


def _pairs(pairs):
    """Return the members of an object with the names as the columns of a CSV have them."""
    names = _header([name for name, _ in pairs])
    if len(set(names)) != len(names):
        return {"twice": names}
    known = {name.lower(): name for name in (KEY, NAME, SECRET)}
    return {known.get(name, name): value for name, (_, value) in zip(names, pairs, strict=True)}


def _members(value):
    return value if isinstance(value, dict) else {}


def _rows(path, text):
    """Return [(line number, cells)] of a CSV; a cell with line breaks counts from its end."""
    first, end, rest = text.partition("\n")
    skipped = 0
    if first.lower().startswith("sep="):  # Excel's own first line
        text, skipped = rest, len(end)
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for row in reader:
            rows.append((reader.line_num + skipped, row))
    except csv.Error as error:
        raise DevicesError(f"{path} line {reader.line_num + skipped}: {error}") from error
    if not rows:
        raise DevicesError(f"{path}: empty")
    return rows


def _header(cells):
    """Return the names in a header, however they are written."""
    return [cell.strip(_BLANKS).replace(" ", "").replace("_", "").lower() for cell in cells]


def _columns(where, header, needed):
    """Return {name: position} of the columns that a header names."""
    for name in (KEY, NAME, SECRET):
        if header.count(name.lower()) > 1:
            raise DevicesError(f"{where}: two columns named {name}")
    missing = [name for name in needed if name.lower() not in header]
    if missing:
        raise DevicesError(
            f"{where}: no column {', '.join(missing)}; the first line has to name the "
            f"columns {', '.join(needed)}"
        )
    names = (KEY, NAME, SECRET)
    return {name: header.index(name.lower()) for name in names if name.lower() in header}


def _identity(cells, product_key):
    """Return the identity of an entry. Raises `DevicesError`, without a secret."""
    needed = [NAME] if product_key else [KEY, NAME, SECRET]
    missing = [name for name in needed if name not in cells]
    if missing:
        raise DevicesError(f"nothing for {', '.join(missing)}")
    key = _cell(KEY, cells.get(KEY) or product_key or "", aiot_names.product_key())
    name = _cell(NAME, cells[NAME], aiot_names.device_name())
    if product_key and key != product_key:
        raise DevicesError(f"a device of another product, {key}")
    if product_key:
        return Identity(key, name, "")
    return Identity(key, name, _cell(SECRET, cells[SECRET], aiot_names.device_secret()))


def _cell(column, value, rule):
    """Return what a cell means. Raises `DevicesError` where it can be no device's."""
    expected, check = rule
    text = value if isinstance(value, str) else None
    formula = text and _FORMULA.fullmatch(text)
    if formula:
        text = formula[1]
    found = _mangled(text) or check(text)
    if found:
        raise DevicesError(f"{column}: {found}; give {expected}")
    return text


def _mangled(text):
    """Return what a spreadsheet or the console did to a text, None if nothing is to be seen."""
    if not text:
        return None
    if _ROUNDED.fullmatch(text):
        return "a spreadsheet has rounded it; set the column to Text, and import the list again"
    if _FAILED.fullmatch(text) or text[0] in "='":
        return "a spreadsheet has changed it; set the column to Text, and import the list again"
    if not text.strip("*"):
        return "the console has hidden it; have it shown before it is copied"
    return None
