# SPDX-License-Identifier: MIT
"""A record: the bytes of a stored report. Each has its CRC, so damage to one costs no other.

    AE 01, topic's size 2, payload's size 4, number 4, CRC 4, topic, payload

The digits are sizes in bytes. Numbers are big-endian. The CRC is CRC-32 of all the other bytes.
A later version of the layout will have another second byte; such a record is skipped as corrupt.
"""

import os
import struct
from binascii import crc32

from aiot_port import const

HEAD = const(16)  # bytes of a record before its topic
_CRC_AT = const(12)
_HEAD = const(">2sHIII")

EIO = const(5)  # POSIX numbers: MicroPython's errno does not have all these names
ENOENT = const(2)
EEXIST = const(17)
ENOTDIR = const(20)
EISDIR = const(21)
ENOSPC = const(28)
FOLDER = const(0x4000)  # in a file's mode

# Made once, here: `except (…)` would need memory when there is none left.
LATER = (OSError, MemoryError)

RECORD_MARK = const(b"\xae\x01")


def number_in(name, form):
    """Return the number in a file's name, which `form` (such as "a%02x") made; -1 for others."""
    try:
        number = int(name[1:], 16)
    except ValueError:
        return -1
    return number if name == form % number else -1


def sync(file):
    """Write an open file through to the flash or the disk. On littlefs closing it does that.

    CircuitPython keeps sectors of its flash in a cache, and a desktop system keeps files in one.
    """
    if hasattr(os, "fsync"):  # CPython
        file.flush()
        os.fsync(file.fileno())
    elif hasattr(os, "sync"):  # CircuitPython
        file.flush()
        os.sync()


def record_head(number, topic, payload):
    """Return the HEAD bytes that come before `topic` and `payload`, both bytes."""
    head = struct.pack(_HEAD, RECORD_MARK, len(topic), len(payload), number, 0)[:_CRC_AT]
    return head + crc32(payload, crc32(topic, crc32(head))).to_bytes(4, "big")


def find_record(file, at, first, buffer):
    """Return (number, start, middle, end) of the next whole record from byte `at` on.

    Its payload begins at byte `middle`. Returns None at the end of the file. Records with numbers
    below `first` and damaged bytes are skipped. `buffer` is a scratch area of more than HEAD
    bytes: no record is read in one piece. Raises OSError.
    """
    head = memoryview(buffer)[:HEAD]
    while at is not None:
        file.seek(at)
        if file.readinto(head) < HEAD:
            return None
        mark, middle, end, number, crc = _fields(head, at)
        if mark == RECORD_MARK and _is_whole(file, end - at - HEAD, crc, buffer):
            if number >= first:
                return number, at, middle, end
            at = end
        else:
            at = _find_mark(file, at + 1, buffer)
    return None


def _fields(head, at):
    """Return (mark, where the topic ends, where the record ends, number, CRC) of a record's head.

    The record is at byte `at`.
    """
    mark, topic, payload, number, crc = struct.unpack(_HEAD, head)
    middle = at + HEAD + topic
    return mark, middle, middle + payload, number, crc


def _is_whole(file, left, right, buffer):
    """Whether `right` is the CRC of a record: its head in `buffer`, and `left` bytes behind it."""
    view = memoryview(buffer)
    crc = crc32(view[:_CRC_AT])
    while left:
        count = file.readinto(view[: min(left, len(view))])
        if not count:
            return False
        crc = crc32(view[:count], crc)
        left -= count
    return crc == right


def _find_mark(file, at, buffer):
    """Return where, from byte `at` on, a record may begin; None at the end of the file."""
    while True:
        file.seek(at)
        count = file.readinto(buffer)
        found = bytes(memoryview(buffer)[:count]).find(RECORD_MARK)
        if found >= 0:
            return at + found
        if count < len(RECORD_MARK):
            return None
        at += count - 1  # the mark may lie across two pieces


def read_record(file, start, middle, end):
    """Return (topic str, payload bytes) of a record that `find_record` found. Raises OSError."""
    file.seek(start + HEAD)
    topic = str(file.read(middle - start - HEAD), "utf-8")
    return topic, file.read(end - middle)


def _split(data, at):
    """Return (number, middle, end) of the record at byte `at` of bytes, None for none whole."""
    if len(data) - at < HEAD:
        return None
    mark, middle, end, number, crc = _fields(data[at : at + HEAD], at)
    if mark != RECORD_MARK or end > len(data):
        return None
    if crc32(data[at + HEAD : end], crc32(data[at : at + _CRC_AT])) != crc:
        return None
    return number, middle, end


def split_record(data):
    """Return (topic str, payload bytes) of a record's bytes, None unless they are whole."""
    found = _split(data, 0)
    if found is None or found[2] != len(data):
        return None
    return str(data[HEAD : found[1]], "utf-8"), data[found[1] :]


def whole_records(data, at):
    """Return reports from byte `at` on, (number, topic, payload) each, while they are whole."""
    reports = []
    found = _split(data, at)
    while found:
        number, middle, end = found
        reports.append((number, data[at + HEAD : middle], data[middle:end]))
        at = end
        found = _split(data, at)
    return reports


def copy_bytes(source, start, end, target, buffer):
    """Copy bytes `start` to `end` from one open file to another, through `buffer`."""
    source.seek(start)
    while start < end:
        count = source.readinto(memoryview(buffer)[: min(end - start, len(buffer))])
        if not count:
            raise OSError(EIO, "the file ends early")
        target.write(memoryview(buffer)[:count])
        start += count
