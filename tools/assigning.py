# SPDX-License-Identifier: MIT
"""Which device a board becomes, and where that device's secret comes from."""

import math

from tools import remote
from tools.devices import Identity


class Listed:
    """Devices of a list that has their secrets. `ledger` is an open `Ledger`."""

    def __init__(self, identities, ledger):
        self._identities = {identity.device: identity for identity in identities}
        self._ledger = ledger

    def left(self):
        """How many devices had no report acknowledged yet."""
        return sum(not self._ledger.is_verified(device) for device in self._identities)

    def assign(self, chip_id):
        """Return the identity of a board, the next free one if it has none yet."""
        device = self._ledger.device_of(chip_id)
        if device is None:
            free = [d for d in self._identities if self._ledger.board_of(d) is None]
            if not free:
                raise remote.PortError(
                    "no device is left for it: all of the list belong to other boards; add "
                    "devices in the console, and give the new CSV"
                )
            device = free[0]
            self._ledger.assign(chip_id, device)
        elif device not in self._identities:
            raise remote.PortError(
                f"it is {device[1]} of {device[0]} already, which this list does not have; give "
                "the list that has it"
            )
        return self._identities[device]

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

    def __init__(self, identities, ledger, fetch, vault):
        super().__init__(identities, ledger)
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

    def __init__(self, product_key, ledger, fetch, vault):
        super().__init__([], ledger, fetch, vault)
        self._product_key = product_key

    def left(self):
        """There is no list to come to the end of."""
        return math.inf

    def assign(self, chip_id):
        """Return the identity of a board."""
        device = self._ledger.device_of(chip_id) or (self._product_key, chip_id)
        if device[0] != self._product_key:
            raise remote.PortError(f"it is {device[1]} of another product, {device[0]}, already")
        self._ledger.assign(chip_id, device)
        return Identity(*device, "")


def _own_secret(board, device):
    settings = board.kept_settings()
    if settings is None or (settings.product_key, settings.device_name) != device:
        return None
    return settings.device_secret
