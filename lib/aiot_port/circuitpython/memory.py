# SPDX-License-Identifier: MIT
"""CircuitPython's memories beside the file system: microcontroller.nvm and alarm.sleep_memory."""

from binascii import crc32

# The bytes of microcontroller.nvm that are ours, counted from its end: (from, to). Other programs
# that use nvm begin at its start. A token's file has 1,100 bytes at most.
_SPARE = {"token": (1280, 0), "starts": (1536, 1280)}

_MARK = b"\xa1\x07"  # a memory that was never written does not begin so
_HEAD = 8  # bytes: the mark, the length in 2, the CRC in 4


def spare(kind):
    """Return the Region in nvm for small files of a kind, "token" or "starts"; None without nvm.

    A Pico W has 4096 bytes of nvm, an ESP32 8192, some boards few or none.
    """
    import microcontroller

    memory = microcontroller.nvm
    first, last = _SPARE[kind]
    if memory is None or len(memory) < first:
        return None
    return Region(memory, len(memory) - first, first - last)


def asleep():
    """Return the Region that survives a deep sleep, or None.

    An ESP32 has 3072 bytes, its later kinds 4096, an RP2040 256.
    """
    try:
        from alarm import sleep_memory
    except ImportError:
        return None  # an RP2350 (CircuitPython issue 9920)
    try:
        size = len(sleep_memory)
    except NotImplementedError:
        return None  # some boards have the name but no memory
    return Region(sleep_memory, 0, size) if size > _HEAD else None


class Region:
    """Bytes in a part of a memory, with their length and CRC. Damaged bytes are not returned.

    It is written only if the bytes change: nvm is flash, and wears.
    """

    def __init__(self, memory, start, size):
        self._memory = memory
        self._start = start
        self.size = min(size - _HEAD, 0xFFFF)

    def load(self):
        """Return the bytes that were saved, b"" for none."""
        start = self._start + _HEAD
        head = bytes(self._memory[self._start : start])
        size = int.from_bytes(head[2:4], "big")
        if head[:2] != _MARK or size > self.size:
            return b""
        data = bytes(self._memory[start : start + size])
        return data if crc32(data).to_bytes(4, "big") == head[4:] else b""

    def save(self, data):
        """Save these bytes in place of the old ones. Raises ValueError for more than `size`."""
        if len(data) > self.size:
            raise ValueError("%d bytes, %d at most" % (len(data), self.size))
        if self.load() == data:
            return
        head = _MARK + len(data).to_bytes(2, "big") + crc32(data).to_bytes(4, "big")
        self._memory[self._start : self._start + _HEAD + len(data)] = head + data  # in one write
