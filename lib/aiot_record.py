# SPDX-License-Identifier: MIT
"""The bytes of a stored report: numbered and checked, so that damage to one costs no other.

    AE 01, topic's size 2, payload's size 4, number 4, CRC 4, topic, payload

Numbers are big-endian. The CRC is CRC-32, over everything but itself. Another version of the
layout will have another second byte, and is passed over like damage.
"""

import os
from binascii import crc32

from aiot_port import const

HEAD = const(16)  # bytes of a record before its topic
_CRC_AT = const(12)

EIO = const(5)  # POSIX numbers: MicroPython's errno has not all their names
ENOENT = const(2)
EISDIR = const(21)
FOLDER = const(0x4000)  # in a file's mode
_EILSEQ = const(84)  # littlefs' "corrupt"

_RECORD_MARK = b"\xae\x01"


def is_gone(error):
    """Whether an OSError says that a file is none of ours, and will not be. Others may pass."""
    return error.errno in (ENOENT, EISDIR, _EILSEQ)


def settle(file):
    """Have on the medium what was written to an open file. Closing it does so on littlefs.

    CircuitPython keeps sectors of its flash in a cache, and a desk's system its files.
    """
    if hasattr(os, "fsync"):  # CPython
        file.flush()
        os.fsync(file.fileno())
    elif hasattr(os, "sync"):  # CircuitPython
        file.flush()
        os.sync()


def number_at(data, at, size=4):
    """Return the number of `size` bytes at byte `at`."""
    return int.from_bytes(data[at : at + size], "big")


def record_head(number, topic, payload):
    """Return the HEAD bytes that stand before `topic` and `payload`, both bytes."""
    head = _RECORD_MARK + len(topic).to_bytes(2, "big") + len(payload).to_bytes(4, "big")
    head += number.to_bytes(4, "big")
    return head + crc32(payload, crc32(topic, crc32(head))).to_bytes(4, "big")


def find_record(file, at, first, buffer):
    """Return (number, start, end) of the next whole record from byte `at` on, None at the end.

    Records with numbers below `first` and damaged bytes are passed over. `buffer` is for work,
    over HEAD bytes long: no record is ever read whole. Raises OSError.
    """
    head = memoryview(buffer)[:HEAD]
    while at is not None:
        file.seek(at)
        if file.readinto(head) < HEAD:
            return None
        end = at + HEAD + number_at(head, 2, 2) + number_at(head, 4)
        number = number_at(head, 8)
        if bytes(head[:2]) == _RECORD_MARK and _is_whole(file, end - at - HEAD, buffer):
            if number >= first:
                return number, at, end
            at = end
        else:
            at = _find_mark(file, at + 1, buffer)
    return None


def _is_whole(file, left, buffer):
    """Whether the CRC is right of a record whose head is in `buffer` and `left` bytes follow."""
    crc = crc32(memoryview(buffer)[:_CRC_AT])
    right = number_at(buffer, _CRC_AT)
    while left:
        count = file.readinto(memoryview(buffer)[: min(left, len(buffer))])
        if not count:
            return False
        crc = crc32(memoryview(buffer)[:count], crc)
        left -= count
    return crc == right


def _find_mark(file, at, buffer):
    """Return where, from byte `at` on, a record may begin; None at the end of the file."""
    while True:
        file.seek(at)
        count = file.readinto(buffer)
        found = bytes(memoryview(buffer)[:count]).find(_RECORD_MARK)
        if found >= 0:
            return at + found
        if count < len(_RECORD_MARK):
            return None
        at += count - 1  # the mark may lie across two pieces


def read_record(file, at):
    """Return (topic str, payload bytes) of the whole record at byte `at`. Raises OSError."""
    file.seek(at)
    head = file.read(HEAD)
    topic = str(file.read(number_at(head, 2, 2)), "utf-8")
    return topic, file.read(number_at(head, 4))


def split_record(data):
    """Return (topic str, payload bytes) of a record's bytes, None unless they are whole."""
    middle = HEAD + number_at(data, 2, 2)
    if (
        data[:2] != _RECORD_MARK
        or len(data) != middle + number_at(data, 4)
        or crc32(data[HEAD:], crc32(data[:_CRC_AT])) != number_at(data, _CRC_AT)
    ):
        return None
    return str(data[HEAD:middle], "utf-8"), data[middle:]


def pack(reports):
    """Return the bytes of reports, (number, topic bytes, payload bytes) each, one by one."""
    return b"".join([record_head(*report) + report[1] + report[2] for report in reports])


def unpack(data):
    """Return the reports in bytes that `pack` made, up to the first that is not whole."""
    reports = []
    at = 0
    while len(data) - at >= HEAD:
        middle = at + HEAD + number_at(data, at + 2, 2)
        end = middle + number_at(data, at + 4)
        if split_record(data[at:end]) is None:
            break
        reports.append((number_at(data, at + 8), data[at + HEAD : middle], data[middle:end]))
        at = end
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
