# SPDX-License-Identifier: MIT
"""An ESP32 in download mode on a pseudo-terminal: what its ROM and esptool's stub would answer.

Protocol: Espressif's esptool documentation, "Serial Protocol". It is stricter than the chip: what
is not as the protocol says is noted in `violations`, and not carried out. What esptool uploads as
its stub is not run; from then on the answers are the stub's.
"""

import contextlib
import hashlib
import os
import pty
import select
import struct
import threading
import tty
import zlib

END, ESCAPE = 0xC0, 0xDB
ESCAPED = {0xDC: END, 0xDD: ESCAPE}

SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32
ROM_SAYS = 0x20120707  # the value in the ROM's answer to SYNC; the stub's is 0
MAGIC_REGISTER, ESP32_MAGIC, ESP32_S2_MAGIC = 0x40001000, 0x00F01D83, 0x000007C6
SPI_W0 = 0x3FF42080  # where an SPI command's answer appears
FLASH_ID = 0x1640EF  # Winbond, 4 MiB

SECTOR = 4096
FLASH_BYTES = 4 * 1024 * 1024
MOST_FLASH = 16 * 1024 * 1024
WRONG_MESSAGE, WRONG_CHECKSUM = 5, 7  # error numbers of the ROM


class Refused(Exception):  # noqa: N818 - an answer of the protocol's
    """A request that is answered by an error number."""


class Vanished(Exception):  # noqa: N818 - what befell the port
    """The port has gone away."""


class RomLoader:
    """`with RomLoader() as chip:` gives a chip at `chip.port`.

    `magic` says which chip it is, `flash_id` what its flash calls itself; 4 MiB of it are there as
    `flash`. With `corrupts` a bit of it fails; with `vanishes_after` the port goes
    away after so many blocks.
    """

    def __init__(self, magic=ESP32_MAGIC, corrupts=False, vanishes_after=None, flash_id=FLASH_ID):
        self.flash = bytearray(b"\xff" * FLASH_BYTES)
        self.violations = []
        self.erased_all = False
        self._registers = {MAGIC_REGISTER: magic, SPI_W0: flash_id}
        self._corrupts = corrupts
        self._vanishes_after = vanishes_after
        self._stub = False
        self._upload = None  # (bytes left, next block) of RAM
        self._write = None  # (flash address, bytes, decompressor, next block, blocks)

    def __enter__(self):
        self._desk, self._terminal = pty.openpty()
        tty.setraw(self._terminal)
        self.port = os.ttyname(self._terminal)
        self._ending, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.write(self._end, b"x")
        self._thread.join()
        os.close(self._ending)
        os.close(self._end)

    def _run(self):
        with contextlib.suppress(Vanished):
            self._serve()
        os.close(self._desk)
        os.close(self._terminal)

    def _serve(self):
        frame = None
        while True:
            ready, _, _ = select.select([self._desk, self._ending], [], [])
            if self._ending in ready:
                return
            for byte in os.read(self._desk, 4096):
                if byte != END:
                    if frame is not None:
                        frame.append(byte)
                elif not frame:
                    frame = bytearray()
                else:
                    self._take(bytes(frame))
                    frame = None

    def _take(self, frame):
        packet = bytearray()
        escaped = False
        for byte in frame:
            if escaped:
                packet.append(ESCAPED.get(byte, 0))
                escaped = False
            elif byte == ESCAPE:
                escaped = True
            else:
                packet.append(byte)
        if len(packet) < 8:
            self.violations.append(f"a packet of {len(packet)} bytes")
            return
        direction, command, length, checksum = struct.unpack_from("<BBHI", packet)
        data = bytes(packet[8:])
        if direction != 0 or length != len(data):
            self.violations.append(f"command {command:#x}: wrong head")
            return
        self._carry_out(command, data, checksum)

    def _carry_out(self, command, data, checksum):
        handler = getattr(self, f"_on_{command:02x}", None)
        try:
            if handler is None:
                raise Refused(WRONG_MESSAGE)
            value, answer = handler(data, checksum)
            self._answer(command, value, answer, 0)
        except Refused as refused:
            self._answer(command, 0, b"", refused.args[0])
        except (struct.error, AssertionError, zlib.error) as error:
            self.violations.append(f"command {command:#x}: {error}")
            self._answer(command, 0, b"", WRONG_MESSAGE)
        if command == 0x08:
            for _ in range(7):  # the ROM answers eight times
                self._answer(command, 0 if self._stub else ROM_SAYS, b"", 0)
        if command == 0x06 and not self._stub:
            self._stub = True
            self._send(b"OHAI")

    def _answer(self, command, value, data, error):
        status = bytes((1 if error else 0, error)) + (b"" if self._stub else b"\0\0")
        body = data + status
        self._send(struct.pack("<BBHI", 1, command, len(body), value) + body)

    def _send(self, packet):
        for plain, code in ((ESCAPE, 0xDD), (END, 0xDC)):
            packet = packet.replace(bytes((plain,)), bytes((ESCAPE, code)))
        os.write(self._desk, bytes((END,)) + packet + bytes((END,)))

    # The commands, by their numbers.

    def _on_08(self, data, _):  # SYNC
        assert data == SYNC, "another synchronisation"
        return (0 if self._stub else ROM_SAYS), b""

    def _on_0a(self, data, _):  # READ_REG
        (address,) = struct.unpack("<I", data)
        return self._registers.get(address, 0), b""

    def _on_09(self, data, _):  # WRITE_REG
        assert len(data) % 16 == 0, "no whole words"
        return 0, b""

    def _on_0d(self, data, _):  # SPI_ATTACH
        assert len(data) == (4 if self._stub else 8), f"{len(data)} bytes"
        return 0, b""

    def _on_0b(self, data, _):  # SPI_SET_PARAMS
        _, size, _, sector, _, _ = struct.unpack("<6I", data)
        assert size <= MOST_FLASH and sector == SECTOR, "not this flash"
        return 0, b""

    def _on_0f(self, data, _):  # CHANGE_BAUDRATE
        struct.unpack("<II", data)
        return 0, b""

    def _on_05(self, data, _):  # MEM_BEGIN
        size, blocks, block_size, _ = struct.unpack("<4I", data)
        assert (blocks - 1) * block_size < size <= blocks * block_size, "blocks do not fit"
        self._upload = [size, 0]
        return 0, b""

    def _on_07(self, data, checksum):  # MEM_DATA
        block, number = _block(data, checksum)
        assert number == self._upload[1], f"block {number}"
        self._upload = [self._upload[0] - len(block), number + 1]
        return 0, b""

    def _on_06(self, data, _):  # MEM_END
        struct.unpack("<II", data)
        assert self._upload[0] == 0, "not all of it came"
        return 0, b""

    def _on_02(self, data, _):  # FLASH_BEGIN; only the one that ends a session
        assert struct.unpack_from("<I", data)[0] == 0, "writing without compression"
        return 0, b""

    def _on_10(self, data, _):  # FLASH_DEFL_BEGIN
        size, blocks, _, address, encrypted = struct.unpack("<5I", data)
        assert self._stub, "the stub has attached the flash, the ROM has not"
        assert address % SECTOR == 0 and address + size <= FLASH_BYTES and not encrypted, "place"
        self._write = [address, b"", zlib.decompressobj(), 0, blocks, size]
        return 0, b""

    def _on_11(self, data, checksum):  # FLASH_DEFL_DATA
        block, number = _block(data, checksum)
        address, done, decompressor, following, blocks, size = self._write
        assert number == following < blocks, f"block {number}"
        if self._vanishes_after == number:
            raise Vanished
        done += decompressor.decompress(block)
        self._write[1], self._write[3] = done, number + 1
        if number + 1 == blocks:
            assert len(done) == size and decompressor.eof, "not all of it came"
            self._program(address, done)
        return 0, b""

    def _program(self, address, data):
        end = -(-(address + len(data)) // SECTOR) * SECTOR
        self.flash[address:end] = b"\xff" * (end - address)
        self.flash[address : address + len(data)] = data
        if self._corrupts:
            self.flash[address + len(data) // 2] ^= 1

    def _on_12(self, data, _):  # FLASH_DEFL_END
        struct.unpack("<I", data)
        return 0, b""

    def _on_13(self, data, _):  # SPI_FLASH_MD5
        address, size, _, _ = struct.unpack("<4I", data)
        return 0, hashlib.md5(self.flash[address : address + size]).digest()

    def _on_d0(self, data, _):  # ERASE_FLASH
        assert self._stub and not data, "only the stub can"
        self.flash[:] = b"\xff" * FLASH_BYTES
        self.erased_all = True
        return 0, b""


def _block(data, checksum):
    """Return (bytes, number) of a data packet whose checksum is right."""
    length, number, zero, zero_too = struct.unpack_from("<4I", data)
    block = data[16:]
    assert length == len(block) and zero == zero_too == 0, "wrong head of a block"
    found = 0xEF
    for byte in block:
        found ^= byte
    if found != checksum:
        raise Refused(WRONG_CHECKSUM)
    return block, number
