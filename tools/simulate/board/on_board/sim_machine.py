# SPDX-License-Identifier: MIT
"""`machine`: what the desk simulates of the chip; arguments are checked strictly."""

import chip
import sim_time
from machine import PinBase, Signal, idle, time_pulse_us  # noqa: F401 - MicroPython's own
from sim_i2c import SoftI2C  # noqa: F401

_ON_ESP32 = chip.facts["platform"] == "esp32"
_SKIPS = chip.facts["skipped"] is not None
if _SKIPS:
    import skipping

PWRON_RESET = 1
WDT_RESET = 3
if _ON_ESP32:
    HARD_RESET = 2
    DEEPSLEEP_RESET = 4
    SOFT_RESET = 5


def reset():
    """Restart the chip."""
    chip.halt("reset")


def soft_reset():
    """Restart the interpreter."""
    raise SystemExit


def reset_cause():
    """Tell why the chip started."""
    return chip.facts["reset_cause"]


def deepsleep(time_ms=0):
    """Switch the chip off, for ever or for some milliseconds, then restart it."""
    chip.halt("deepsleep", str(_checked_int(time_ms, 0)))


def lightsleep(time_ms=0):
    """Pause; without a time nothing would ever wake a virtual board, so it raises."""
    if not _checked_int(time_ms, 0):
        raise ValueError("lightsleep without a time would never end")
    sim_time.sleep_ms(time_ms)


def unique_id():
    """The chip's serial number: six bytes on an ESP32 (its MAC), eight on a Pico."""
    serial = bytes.fromhex(chip.facts["chip_id"])
    return serial[:6] if _ON_ESP32 else serial


def freq(hertz=None):
    """Tell the clock of the processor in Hz; setting it changes nothing here."""
    if hertz is not None:
        _checked_int(hertz, 1)
        return None
    return 160_000_000 if _ON_ESP32 else 125_000_000  # what both firmwares start with


def _checked_int(value, minimum):
    if not isinstance(value, int):
        raise TypeError("can't convert to int")
    if value < minimum:
        raise ValueError("value out of range")
    return value


class Pin(PinBase):
    """A pin that keeps what is written to it. Nothing is wired to it: a pull sets its level."""

    if _ON_ESP32:
        IN, OUT, OPEN_DRAIN, PULL_DOWN, PULL_UP = 1, 3, 7, 1, 2
        IRQ_RISING, IRQ_FALLING = 1, 2
    else:
        IN, OUT, OPEN_DRAIN, PULL_UP, PULL_DOWN = 0, 1, 2, 1, 2
        IRQ_RISING, IRQ_FALLING = 8, 4

    def __init__(self, id, mode=-1, pull=-1, *, value=None):  # noqa: N803, A002
        self._id = id._id if isinstance(id, Pin) else _checked_pin(id)
        self._level = 0
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        """Set mode, pull and value."""
        if mode not in (-1, None, self.IN, self.OUT, self.OPEN_DRAIN):
            raise ValueError("invalid pin mode")
        if _ON_ESP32 and mode in (self.OUT, self.OPEN_DRAIN) and _among("input_pins", self._id):
            raise ValueError("pin can only be input")
        if pull not in (-1, None, self.PULL_UP, self.PULL_DOWN):
            raise ValueError("invalid pull")
        if mode == self.IN and pull in (self.PULL_UP, self.PULL_DOWN):
            self._level = int(pull == self.PULL_UP)
        if value is not None:
            self.value(value)

    def value(self, level=None):
        """Read the level, or write it."""
        if level is None:
            return self._level
        self._level = 1 if level else 0
        return None

    __call__ = value

    def on(self):
        """Set the pin high."""
        self._level = 1

    def off(self):
        """Set the pin low."""
        self._level = 0

    def toggle(self):
        """Set the pin to the other level."""
        self._level ^= 1

    def __repr__(self):
        return "Pin({})".format(self._id)


def _checked_pin(number):
    if not _ON_ESP32 and isinstance(number, str):
        if number == "LED":
            return number
        if number.startswith("GP"):
            number = int(number[2:])
    if not isinstance(number, int) or not _among("pins", number):
        raise ValueError("invalid pin")
    return number


def _among(kind, number):
    """Whether this GPIO number is one of the board's "pins", "input_pins" or "analogue_pins"."""
    return number >= 0 and chip.facts[kind] >> number & 1


class ADC:
    """An analogue input. On the Pico's channel 4 is its thermometer, on all others a soil probe.

    The probe gives 2.8 V when it is dry, and 16 mV less for each percent of the humidity.
    """

    if _ON_ESP32:
        ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    else:
        CORE_TEMP = 4

    def __init__(self, id, *, atten=None):  # noqa: A002
        if _ON_ESP32:
            pin = Pin(id)._id  # an ESP32's ADC is named by its pin
            if not _among("analogue_pins", pin):
                raise ValueError("invalid pin")
            self._channel = None
        else:
            if atten is not None:
                raise TypeError("extra keyword arguments given")
            self._channel = _rp2_channel(id)

    def read_u16(self):
        """Measure: 0 to 65535 for 0 V to the reference."""
        if self._channel != 4:
            return _soil_millivolts() * 65535 // 3300
        return _core_temperature_counts()

    if _ON_ESP32:

        def read_uv(self):
            """Measure, in microvolts."""
            return _soil_millivolts() * 1000


def _rp2_channel(source):
    if isinstance(source, Pin) or (isinstance(source, int) and source > 4):
        pin = Pin(source)._id
        if not _among("analogue_pins", pin):
            raise ValueError("Pin doesn't have ADC capabilities")
        return pin - 26
    if not isinstance(source, int) or source < 0:
        raise ValueError("ADC doesn't exist")
    return source


def _soil_millivolts():
    measured = chip.sense("adc")
    return 0 if measured is None else 2800 - measured[1] * 16 // 10


def _core_temperature_counts():
    # RP2040 data sheet, 4.9.5: T = 27 - (V - 0.706) / 0.001721. The converter has 12 bits and a
    # reference of 3.3 V; the port spreads them over 16 (ports/rp2/machine_adc.c).
    measured = chip.sense("chip")
    if measured is None:
        return 65535  # a broken diode lets the input float to the reference
    volts = 0.706 - (measured[0] / 10 - 27) * 0.001721
    raw = round(volts / 3.3 * 4095)
    return raw << 4 | raw >> 8


class WDT:
    """The watchdog. As on the chips, nothing but a reset stops it."""

    def __init__(self, id=0, timeout=5000):  # noqa: A002
        _checked_int(timeout, 1)
        if id != 0:
            raise ValueError("WDT({}) doesn't exist".format(id))
        limit = chip.facts["watchdog_max_ms"]
        if limit and timeout > limit:
            raise ValueError("timeout exceeds {}".format(limit))
        if _ON_ESP32 and timeout < 1000:
            raise ValueError("WDT timeout too short")
        if _SKIPS:
            skipping.watch(timeout)
        else:
            chip.ask("watchdog", str(timeout))

    def feed(self):
        """Put the reset off for another timeout."""
        if _SKIPS:
            skipping.feed()
        else:
            chip.tell("feed")


class RTC:
    """The real-time clock, in UTC by custom."""

    def __init__(self, id=0):  # noqa: A002
        if id != 0:
            raise ValueError("RTC({}) doesn't exist".format(id))

    def datetime(self, fields=None):
        """Get or set (year, month, day, weekday, hours, minutes, seconds, subseconds)."""
        if fields is None:
            nanoseconds = sim_time.unix_ns()
            year, month, day, hour, minute, second, weekday, _ = sim_time.gmtime()
            micros = nanoseconds // 1000 % 1_000_000 if _ON_ESP32 else 0
            return year, month, day, weekday, hour, minute, second, micros
        if len(fields) != 8:
            raise ValueError("requested length 8 but object has length {}".format(len(fields)))
        year, month, day, _, hour, minute, second, _ = fields
        days = (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
        if not (2000 <= year < 2100 and 1 <= month <= 12 and 1 <= day <= days[month - 1]):
            raise ValueError("invalid date")
        if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
            raise ValueError("invalid time")
        seconds = sim_time.mktime((year, month, day, hour, minute, second, 0, 0))
        sim_time.set_unix_ns((seconds + chip.facts["epoch"]) * 1_000_000_000)
        return None

    if _ON_ESP32:

        def memory(self, data=None):
            """Get or set up to 2048 bytes that outlive a reset and deep sleep."""
            if data is None:
                return _load_memory()
            if len(data) > 2048:  # MICROPY_HW_RTC_USER_MEM_MAX
                raise ValueError("buffer too long")
            _save_memory(data)
            return None


# Piece by piece, as a chip copies it: no text of all of it, which would take a board's heap.
_PIECE = 64  # bytes


def _load_memory():
    found = bytearray(int(chip.ask("rtc_size")))
    for at in range(0, len(found), _PIECE):
        piece = bytes.fromhex(chip.ask("rtc_load", str(at), str(_PIECE)))
        found[at : at + len(piece)] = piece
    return bytes(found)


def _save_memory(data):
    view = memoryview(data)
    for at in range(0, len(view), _PIECE):
        chip.ask("rtc_piece", str(at), bytes(view[at : at + _PIECE]).hex())
    chip.ask("rtc_save", str(len(view)))


if not _ON_ESP32:

    class _Registers:
        # The one register that a desk tool has to write: 0x40058000 is the RP2040's watchdog
        # (data sheet, 4.7.6), 0x400D8000 the RP2350's, 0x3000 above it the same register
        # for clearing bits, bit 30 its enable bit.
        _CLEAR = 0x400DB000 if chip.facts["chip"] == "rp2350" else 0x4005B000

        def __setitem__(self, address, value):
            if address != self._CLEAR or value != 1 << 30:
                raise ValueError("no such register in a virtual board")
            chip.ask("watchdog_off")

    mem32 = _Registers()
