"""MicroPython's board: Wi-Fi, clock, watchdog, sleep, sensors. `board_on_cpython.py` documents."""

import sys
import time

from micropython import const

from aiot_port.on_micropython import EPOCH_MS

_STEP_MS = const(250)  # between two looks at the radio, so that the watchdog is fed in time


def _wlan():
    import network

    return network.WLAN(network.STA_IF)


def join_wifi(ssid, password, timeout_ms, on_wait):
    wlan = _wlan()
    if wlan.isconnected():
        return True
    started = time.ticks_ms()
    try:
        wlan.active(True)
        _stay_awake(wlan)
        wlan.disconnect()  # esp32 raises where a connect is still under way
        wlan.connect(ssid, password or None)
    except OSError:  # on esp32 with a string in it, such as "Wifi Internal Error"
        return False
    while not wlan.isconnected():
        if time.ticks_diff(time.ticks_ms(), started) >= timeout_ms:
            return False
        on_wait()
        time.sleep_ms(_STEP_MS)
    return True


def _stay_awake(wlan):
    """Switch power saving off: with it a Pico W loses the network (design, trap 20)."""
    try:
        wlan.config(pm=getattr(wlan, "PM_NONE", 0xA11140))  # its value in the Pico W's manual
    except (OSError, ValueError, TypeError):
        pass  # this port or chip has no such setting


def leave_wifi():
    try:
        _wlan().disconnect()
    except OSError:
        pass  # it was not joined


def restart_wifi():
    try:
        _wlan().active(False)
    except OSError:
        pass  # it was off


def ask_ntp(host, timeout_s):
    import ntptime

    ntptime.host = host
    ntptime.timeout = timeout_s
    try:
        return ntptime.time() + EPOCH_MS // 1000
    except (OSError, OverflowError, ValueError, IndexError):
        return None  # no answer, or one that is no time


def set_wall_clock(unix_s):
    import machine

    year, month, day, hour, minute, second, weekday = time.gmtime(unix_s - EPOCH_MS // 1000)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def utc_date_time():
    return time.gmtime()[:6]


def unique_id():
    import binascii

    import machine

    return binascii.hexlify(machine.unique_id()).decode()


def watchdog(timeout_ms):
    import machine

    return machine.WDT(timeout=timeout_ms).feed


def sleep_ms(ms):
    time.sleep_ms(ms)


def deep_sleep_ms(ms):
    import machine

    # Where a start cannot be told from one after a deep sleep there is none worth the name: the
    # RP2040 only dozes, and its watchdog goes on and hangs it (MicroPython issue 17228).
    if hasattr(machine, "DEEPSLEEP_RESET"):
        machine.deepsleep(ms)


def woke():
    import machine

    return machine.reset_cause() == getattr(machine, "DEEPSLEEP_RESET", None)


def reset():
    import machine

    machine.reset()


def print_error(error):
    sys.print_exception(error)


def chip_temperature():
    try:
        import esp32
    except ImportError:
        return _rp2_temperature()
    if hasattr(esp32, "mcu_temperature"):
        return esp32.mcu_temperature()
    return (esp32.raw_temperature() - 32) / 1.8  # the first ESP32 tells degrees Fahrenheit


def _rp2_temperature():
    import machine

    # RP2040 data sheet, 4.9.5: 0.706 V at 27 degrees, 1.721 mV less for each degree more.
    volts = machine.ADC(4).read_u16() * 3.3 / 65535
    return 27 - (volts - 0.706) / 0.001721


def dht22(pin):
    import dht
    import machine

    sensor = dht.DHT22(machine.Pin(pin))

    def read():
        sensor.measure()
        return sensor.temperature(), sensor.humidity()

    return read


def ds18b20(pin):
    import ds18x20
    import machine
    import onewire

    bus = ds18x20.DS18X20(onewire.OneWire(machine.Pin(pin)))

    def read():
        found = sorted([bytes(rom) for rom in bus.scan()])  # a probe may come and go
        bus.convert_temp()
        time.sleep_ms(750)  # DS18B20 data sheet: a conversion to 12 bits
        return [bus.read_temp(rom) for rom in found]

    return read
