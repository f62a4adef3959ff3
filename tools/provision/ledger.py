# SPDX-License-Identifier: MIT
"""Which board is which device: a file that is only ever added to.

Each line is one JSON object, on disk before anything is done that relies on it. A line that a
crash has cut off was relied on by nothing, and is dropped. There are no secrets in it.
"""

import contextlib
import fcntl
import json
import os
import time
from pathlib import Path

_MODE = 0o600  # for the owner alone: it tells which devices there are

ASSIGNED = "assigned"
VERIFIED = "verified"
RELEASED = "released"  # the device has no board any more
REPLACED = "replaced"  # the device has this board from now on, and no other


class LedgerError(Exception):
    """The ledger cannot be used; the message says what to do."""


class Ledger:
    """The assignments in a file; `with` it, and no other process has it meanwhile.

    A device is (ProductKey, DeviceName), a board the serial number of its chip, and where that
    is another board's too, its radio's address behind it. Raises `LedgerError` when another
    process has it, or the file is damaged.
    """

    def __init__(self, path):
        self.path = Path(path).resolve()  # by whatever name it is called, it has one lock
        self._lock = None
        self._file = None
        self._device_of = {}
        self._mac_of = {}
        self._verified = set()

    def __enter__(self):
        self._lock = _locked(Path(f"{self.path}.lock"))
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._file is not None:
            os.close(self._file)
        os.close(self._lock)  # the lock goes with it, as it does when the process is killed
        self._file = self._lock = None

    def device_of(self, board):
        """Return the device that a board is, or None."""
        return self._device_of.get(board)

    def board_named(self, chip_id, mac=""):
        """Return the name under which a board is kept here.

        `mac` is its radio's address as hex, "" if unknown. Some makers give all flash chips the
        same serial number; the address then tells the second board from the first.
        """
        both = f"{chip_id}-{mac}"
        if both in self._device_of:
            return both
        known = self._mac_of.get(chip_id, "")
        return both if mac and known and mac != known else chip_id

    def find(self, name):
        """Return the device that has this DeviceName, or "ProductKey/DeviceName", and a board.

        Raises `LedgerError` where there is none, or more than one.
        """
        devices = self._device_of.values()
        found = [device for device in devices if name in (device[1], "/".join(device))]
        if not found:
            raise LedgerError(f"no board is {name} in {self.path}")
        if len(found) > 1:
            keys = " or ".join("/".join(device) for device in found)
            raise LedgerError(f"{name} is in several products: say {keys}")
        return found[0]

    def board_of(self, device):
        """Return the board that is a device, or None."""
        found = [board for board, assigned in self._device_of.items() if assigned == device]
        return found[0] if found else None

    def is_verified(self, device):
        """Whether a device has had a report acknowledged."""
        return device in self._verified

    def assign(self, board, device, mac=""):
        """Let a board be a device for good; `LedgerError` if either is assigned otherwise."""
        if self._device_of.get(board, device) != device:
            raise LedgerError(f"board {board} is {self._device_of[board][1]} already")
        if self.board_of(device) not in (None, board):
            raise LedgerError(f"{device[1]} is board {self.board_of(device)} already")
        if board in self._device_of:
            return
        self._append(ASSIGNED, board, device, **_named(mac))
        self._bind(board, device, mac)

    def release(self, device):
        """Take a device from its board, for another one; `LedgerError` if it has none."""
        board = self.board_of(device)
        if board is None:
            raise LedgerError(f"no board is {device[1]} in {self.path}")
        self._append(RELEASED, board, device)
        self._unbind(device)

    def replace(self, board, device, mac=""):
        """Let this board be a device in place of the one that was; one line says both."""
        if self._device_of.get(board, device) != device:
            raise LedgerError(f"board {board} is {self._device_of[board][1]} already")
        self._append(REPLACED, board, device, **_named(mac))
        self._unbind(device)
        self._bind(board, device, mac)

    def _bind(self, board, device, mac):
        self._device_of[board] = device
        if mac:
            self._mac_of[board] = mac

    def _unbind(self, device):
        board = self.board_of(device)
        self._device_of.pop(board, None)
        self._mac_of.pop(board, None)
        self._verified.discard(device)

    def verify(self, board, device, message_id):
        """Note that a device's report was acknowledged with this messageId."""
        self._append(VERIFIED, board, device, message_id=message_id)
        self._verified.add(device)

    def _open(self):
        is_new = not self.path.exists()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _MODE)
        if is_new:
            sync_folder(self.path.parent)
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._file, whole)
            os.fsync(self._file)
        for number, line in enumerate(data[:whole].splitlines(), 1):
            self._take(number, line)

    def _take(self, number, line):
        try:
            entry = json.loads(line)
            board = _text(entry["board"])
            device = (_text(entry["product_key"]), _text(entry["device_name"]))
            event, mac = entry["event"], entry.get("mac", "")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise LedgerError(f"{self.path} line {number} is damaged: {_ADVICE}") from error
        twice = board in self._device_of or self.board_of(device) is not None
        if event == ASSIGNED and twice:
            raise LedgerError(f"{self.path} line {number} assigns a second time: {_ADVICE}")
        if event in (RELEASED, REPLACED):
            self._unbind(device)
        if event in (ASSIGNED, REPLACED):
            self._bind(board, device, mac)
        if event == VERIFIED:
            self._verified.add(device)

    def _append(self, event, board, device, **more):
        entry = {"event": event, "board": board}
        entry["product_key"], entry["device_name"] = device
        entry["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({**entry, **more}).encode() + b"\n"
        try:
            if os.write(self._file, line) != len(line):
                raise OSError("not written whole")
            os.fsync(self._file)
        except OSError as error:
            raise LedgerError(
                f"{self.path} could not be written: {error}; is the disk full?"
            ) from error


_ADVICE = "put it right by hand, or from a backup; no board is assigned until then"


def _named(mac):
    return {"mac": mac} if mac else {}


def _text(value):
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def _locked(path):
    """Return a descriptor that holds the lock on a file; `LedgerError` if another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(descriptor, 100).decode(errors="replace").strip()
        os.close(descriptor)
        raise LedgerError(
            f"another provision is at work with this ledger (process {owner or 'unknown'}); "
            "wait until it has ended, or give other devices and another --ledger"
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def sync_folder(folder):
    """Let a folder's new names outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Vault:
    """DeviceSecrets that the platform gave and that no board has proved to have yet.

    A file of its own beside the ledger, for the owner alone; it is gone when it is empty. The
    ledger's lock guards it too.
    """

    def __init__(self, path):
        self.path = Path(path)

    def get(self, device):
        """Return the DeviceSecret of (ProductKey, DeviceName), or None."""
        return self._load().get("/".join(device))

    def put(self, device, secret):
        """Keep a DeviceSecret; it is on disk when this returns."""
        self._save({**self._load(), "/".join(device): secret})

    def remove(self, device):
        """Forget a DeviceSecret."""
        kept = self._load()
        if kept.pop("/".join(device), None) is not None:
            self._save(kept)

    def _load(self):
        try:
            kept = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise LedgerError(f"{self.path} is damaged; put it right by hand") from error
        if not isinstance(kept, dict):
            raise LedgerError(f"{self.path} is damaged; put it right by hand")
        return kept

    def _save(self, kept):
        if kept:
            _replace(self.path, json.dumps(kept).encode())
        else:
            self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)


def _replace(path, data):
    """Write a file beside and rename it: a crash leaves the old one or the new one."""
    beside = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()  # of a crash; its rights might differ
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
