# SPDX-License-Identifier: MIT
"""Which device a board becomes, and where that device's secret comes from."""

import math

from tools.common import remote
from tools.provision.devices import Identity


class Listed:
    """Devices of a list that has their secrets. `ledger` is an open `Ledger`.

    `replace` is a device that the next board is to be, in place of the board that is it now.
    """

    def __init__(self, identities, ledger, replace=None):
        self._identities = {identity.device: identity for identity in identities}
        self._ledger = ledger
        self._replace = replace

    def left(self):
        """How many devices had no report acknowledged yet."""
        return sum(not self._ledger.is_verified(device) for device in self._identities)

    def choose(self, board):
        """Return the identity that a board has, or will have; nothing is written yet.

        `board` is its name in the ledger. Raises `PortError` where there is none for it.
        """
        device = self._ledger.device_of(board)
        if self._replace is not None:
            device = _in_place(device, self._replace)
        return self._identity(board, device)

    def _identity(self, board, device):
        if device is None:
            free = [d for d in self._identities if self._ledger.board_of(d) is None]
            if not free:
                raise remote.PortError(
                    "no device is left for it: all of the list belong to other boards; add "
                    "devices in the console, and give the new CSV; --release frees a dead board's"
                )
            device = free[0]
        if device not in self._identities:
            raise remote.PortError(
                f"it is {device[1]} of {device[0]} already, which this list does not have; give "
                "the list that has it"
            )
        return self._identities[device]

    def take(self, identity, board, mac):
        """Let a board have its identity for good."""
        if self._replace is None:
            self._ledger.assign(board, identity.device, mac)
        else:
            self._ledger.replace(board, identity.device, mac)

    def is_it(self, identity, board):
        """Whether a board at hand can be the one whose reports arrived under this identity.

        The ledger knows a board by its chip's serial number. One that has it, but not the
        settings of the device, is another board, or its flash was erased.
        """
        if self._replace is not None or not self._ledger.is_verified(identity.device):
            return True
        return device_on(board) == identity.device

    def secret_of(self, identity, board):
        """Return the DeviceSecret of a board's identity."""
        return identity.device_secret

    def verified(self, identity):
        """Note that the board has proved to have its secret."""


class Registered(Listed):
    """Devices of a list whose secrets are fetched from the platform.

    `fetch((ProductKey, DeviceName))` returns a DeviceSecret, and may make an earlier one invalid.
    So it is kept in `vault` from then on, until a board has proved to have it.
    """

    def __init__(self, identities, ledger, fetch, vault, replace=None):
        super().__init__(identities, ledger, replace)
        self._fetch = fetch
        self._vault = vault

    def secret_of(self, identity, board):
        """Return the secret that is kept, else the one that the board has, else a new one."""
        kept = self._vault.get(identity.device) or _own_secret(board, identity.device)
        if kept is None:
            kept = self._fetch(identity.device)
            self._vault.put(identity.device, kept)
        return kept

    def verified(self, identity):
        """Forget the secret: the board has it."""
        self._vault.remove(identity.device)


class Named(Registered):
    """The same without a list: each is named by its board's own serial number."""

    def __init__(self, product_key, ledger, fetch, vault, replace=None):
        super().__init__([], ledger, fetch, vault, replace)
        self._product_key = product_key

    def left(self):
        """There is no list to come to the end of."""
        return math.inf

    def _identity(self, board, device):
        device = device or (self._product_key, board)
        if device[0] != self._product_key:
            raise remote.PortError(f"it is {device[1]} of another product, {device[0]}, already")
        return Identity(*device, "")


def _in_place(device, replaced):
    if device not in (None, replaced):
        raise remote.PortError(
            f"it is {device[1]} already, and cannot be {replaced[1]} too; take another board, or "
            f"free it first with --release {device[1]}"
        )
    return replaced


def device_on(board):
    """Return the (ProductKey, DeviceName) in the settings on a board, or None."""
    settings = board.kept_settings()
    return settings and (settings.product_key, settings.device_name)


def _own_secret(board, device):
    settings = board.kept_settings()
    if settings is None or (settings.product_key, settings.device_name) != device:
        return None
    return settings.device_secret
