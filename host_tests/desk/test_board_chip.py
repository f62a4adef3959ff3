# SPDX-License-Identifier: MIT
"""What is simulated of a virtual board's chip: resets, clock, Wi-Fi, sensors."""

import time

import pytest

from host_tests.board_bench import (
    JOIN,
    ONLINE,
    arm_watchdog,
    mpremote,
    needs_micropython,
    put,
    restart,
    run,
    value,
    wait_until,
    watchdog_left_s,
)
from tools.common import weather
from tools.simulate.board import Board

pytest_plugins = ["host_tests.board_fixtures"]  # each_board, esp32, pico
pytestmark = needs_micropython

# reset causes


def test_the_watchdog_resets_a_hung_main(each_board, tmp_path):
    text = (
        "import machine\nif machine.reset_cause() != machine.WDT_RESET:\n"
        "    machine.WDT(timeout=1000)\n    print('armed')\n    while True: pass\n"
        "print('back', machine.reset_cause() == machine.WDT_RESET)\n"
    )
    put(each_board, tmp_path, "main.py", text)
    begin = time.monotonic()
    armed = restart(each_board, b"armed")
    each_board.wait_for(b"back True", 60, after=armed)
    assert time.monotonic() - begin >= 1
    assert each_board.boots[-2:] == ["reset button", "watchdog"]


def test_a_fed_watchdog_stays_quiet_and_outlives_the_program(pico):
    begin = time.monotonic()
    run(pico, "import machine, time\nw = machine.WDT(timeout=8388)\ntime.sleep(1)\nw.feed()\n")
    fed = time.monotonic() + watchdog_left_s(pico) - 8.388
    assert fed >= begin + 1
    assert "watchdog" not in pico.boots
    arm_watchdog(pico, 1)
    wait_until(lambda: pico.boots[-1] == "watchdog")  # nobody feeds it now


@pytest.mark.parametrize(
    ("board_id", "timeout"), [("RPI_PICO_W", 8389), ("ESP32_GENERIC", 999), ("RPI_PICO_W", 0)]
)
def test_the_watchdog_refuses_what_the_chip_refuses(tmp_path, board_id, timeout):
    with Board(tmp_path / "x.img", board_id) as board:
        code = (
            f"import machine\ntry:\n machine.WDT(timeout={timeout})\nexcept ValueError:\n print(1)"
        )
        assert run(board, code) == "1\n"


def test_deep_sleep_comes_back_and_keeps_rtc_memory(esp32, tmp_path):
    text = (
        "import machine\nrtc = machine.RTC()\n"
        "if machine.reset_cause() == machine.DEEPSLEEP_RESET:\n    print('woke', rtc.memory())\n"
        "else:\n    print('cold', rtc.memory())\n    rtc.memory(b'kept')\n"
        "    machine.deepsleep(400)\n"
    )
    put(esp32, tmp_path, "main.py", text)
    begin = time.monotonic()
    asleep = restart(esp32, b"cold b''")
    esp32.wait_for(b"woke b'kept'", 60, after=asleep)
    assert time.monotonic() - begin >= 0.4
    assert esp32.boots[-2:] == ["reset button", "deepsleep"]


def test_writing_all_of_rtc_memory_takes_no_heap_to_speak_of(esp32):
    """As on the chip, which copies it: a firmware that has room there has it here."""
    text = (
        "import machine\nrtc = machine.RTC()\ndata = bytes(range(256)) * 8\nballast = []\n"
        "try:\n    while True:\n        ballast.append(bytearray(1024))\n"
        "except MemoryError:\n    del ballast[-2:]\n"
        "rtc.memory(data)\nballast = None\nprint(rtc.memory() == data)\n"
        "rtc.memory(b'')\nprint(rtc.memory())\n"
    )
    assert run(esp32, text).split() == ["True", "b''"]


def test_a_pico_has_no_reset_cause_for_deep_sleep_and_no_rtc_memory(pico):
    code = "import machine as m; print([hasattr(m, 'DEEPSLEEP_RESET'), hasattr(m.RTC, 'memory')])"
    assert value(pico, code) == [False, False]


# clock


def test_the_clock_is_cold_and_has_the_ports_epoch(each_board):
    facts = each_board.facts
    epoch, year, type_name = value(
        each_board,
        "import time; print([time.gmtime(0)[0], time.localtime()[0], type(time.time()).__name__])",
    )
    assert (epoch, year, type_name) == (facts.epoch_year, facts.cold_clock.year, "int")
    assert value(each_board, "import time; print(time.time_ns() // 10**9 - time.time())") in (0, 1)


def test_setting_the_rtc_moves_the_clock_and_a_power_cut_loses_it(each_board):
    run(each_board, "import machine; machine.RTC().datetime((2025, 6, 7, 0, 8, 9, 10, 0))")
    look = "import machine, time; print([machine.RTC().datetime()[:6], time.localtime()[:5]])"
    expected = [(2025, 6, 7, 5, 8, 9), (2025, 6, 7, 8, 9)]
    assert value(each_board, look) == expected
    mpremote(each_board, "soft-reset")
    assert value(each_board, look) == expected
    each_board.cut_power()
    each_board.power_on()
    assert value(each_board, look)[0][0] == each_board.facts.cold_clock.year


@pytest.mark.parametrize(("board_id", "year"), [("ESP32_GENERIC", 2025), ("RPI_PICO_W", 2021)])
def test_only_an_esp32_keeps_its_clock_over_a_reset(tmp_path, board_id, year):
    with Board(tmp_path / "x.img", board_id) as board:
        run(board, "import machine; machine.RTC().datetime((2025, 6, 7, 0, 8, 9, 10, 0))")
        mpremote(board, "resume", "reset")
        wait_until(lambda: board.boots[-1] == "reset")
        assert value(board, "import time; print(time.localtime()[0])") == year


def test_ntp_sets_the_clock_or_fails_or_lies(each_board):
    offset = 0 if each_board.facts.epoch_year == 1970 else 946_684_800
    assert "OSError: -2" in mpremote(
        each_board, "resume", "exec", "import ntptime; ntptime.settime()", check=False
    )
    code = ONLINE + "import ntptime; ntptime.settime(); print(time.time())"
    assert abs(value(each_board, code) + offset - time.time()) < 2
    each_board.set_ntp("garbage")
    assert value(each_board, "import ntptime; print(ntptime.time())") + offset > 3_900_000_000
    each_board.set_ntp("fail")
    code = "ntptime.timeout = 0.1; ntptime.settime()"
    failed = mpremote(each_board, "resume", "exec", code, check=False)
    assert "ETIMEDOUT" in failed


# Wi-Fi


def test_joining_takes_a_moment_and_then_there_is_an_address(each_board):
    code = ONLINE.replace("w.connect", "print(w.isconnected()); w.connect")
    code += (
        "print(w.isconnected(), w.status() == network.STAT_GOT_IP, w.ifconfig()[0] != '0.0.0.0')"
    )
    assert run(each_board, code) == "False\nTrue True True\n"


@pytest.mark.parametrize(
    ("ssid", "key", "status"),
    [
        ("virtual-wifi", "wrong-password", "STAT_WRONG_PASSWORD"),
        ("another-wifi", "virtual-password", "STAT_NO_AP_FOUND"),
    ],
)
def test_a_wrong_network_or_password_shows_in_the_status(each_board, ssid, key, status):
    code = JOIN.format(ssid=ssid, key=key)
    assert run(each_board, code + f"print(w.isconnected(), w.status() == network.{status})") == (
        "False True\n"
    )


def test_an_esp32_raises_a_text_when_it_connects_already(esp32):
    code = ONLINE.replace(
        "end =",
        "again = True\ntry:\n w.connect('virtual-wifi', None)\n"
        "except OSError as e:\n print(e.args)\nend =",
    )
    assert run(esp32, code) == "('Wifi Internal Error',)\n"


def test_sockets_fail_as_on_a_board_while_the_wifi_is_down(each_board):
    attempts = (
        "import socket\nfor f in (lambda: socket.getaddrinfo('localhost', 80),"
        " lambda: socket.socket().connect(('127.0.0.1', 80))):\n"
        " try:\n  f()\n  print('passed')\n except OSError as e:\n  print(e.args[0])\n"
    )
    assert run(each_board, attempts) == "-2\n113\n"  # EHOSTUNREACH on Linux
    assert run(
        each_board, ONLINE + "import socket\nprint(len(socket.getaddrinfo('127.0.0.1', 80)))"
    )
    each_board.set_wifi(False)
    assert run(each_board, "print(w.isconnected())\n" + attempts) == "False\n-2\n113\n"


def test_an_esp32_joins_again_by_itself_and_a_pico_does_not(each_board):
    run(each_board, ONLINE)
    each_board.set_wifi(False)
    assert run(each_board, "print(w.isconnected())") == "False\n"
    each_board.set_wifi(True)
    joined = each_board.facts.platform == "esp32"
    assert run(each_board, "print(w.isconnected())") == f"{joined}\n"


# sensors


def test_the_sensors_replay_recorded_weather(each_board):
    temperature, humidity = each_board.weather()
    assert (temperature, humidity) == (39, 594)  # 2013-01-01 01:00 at JFK: 39.02 °F, 59.37 %
    code = (
        "from machine import Pin\nimport dht, onewire, ds18x20\nd = dht.DHT22(Pin(15))\n"
        "d.measure()\nb = ds18x20.DS18X20(onewire.OneWire(Pin(4)))\nr = b.scan()[0]\n"
        "first = b.read_temp(r)\nb.convert_temp()\n"
        "print([round(d.temperature() * 10), round(d.humidity() * 10), first, b.read_temp(r)])"
    )
    assert value(each_board, code) == [39, 594, 85.0, 3.875]  # 3.9 °C in sixteenths


def test_the_weather_is_a_year_of_it():
    assert len(weather.rows()) > 8000  # 8760 hours, some without an observation
    assert min(weather.rows())[0] == -111  # 12.02 °F, the coldest hour at JFK in 2013


def test_the_weather_moves_on(tmp_path):
    with Board(tmp_path / "x.img", weather_step=0.1) as board:
        look = "from machine import Pin\nimport dht\nd = dht.DHT22(Pin(15))\nd.measure()\n"
        seen = set()
        for _ in range(4):
            seen.add(run(board, look + "print(d.temperature(), d.humidity())"))
            time.sleep(0.2)
        assert len(seen) > 1


def test_the_chips_thermometers_follow_the_data_sheets(esp32, pico_counts):
    assert value(esp32, "import esp32; print(esp32.raw_temperature())") == 39
    volts = pico_counts * 3.3 / 65535
    assert abs(27 - (volts - 0.706) / 0.001721 - 3.9) < 0.5


@pytest.fixture
def pico_counts(tmp_path):
    with Board(tmp_path / "pico.img", "RPI_PICO_W", weather_step=3600) as board:
        return value(board, "import machine; print(machine.ADC(4).read_u16())")


def test_a_broken_sensor_raises_what_the_real_one_raises(esp32):
    setup = "from machine import Pin\nimport dht, onewire\nd = dht.DHT22(Pin(15))\n"
    measure = "try:\n d.measure()\n print('measured')\nexcept OSError as e:\n print(e.args)"
    esp32.break_sensor("dht")
    esp32.break_sensor("ds18x20")
    assert run(esp32, setup + measure) == "(110,)\n"  # ETIMEDOUT on Linux
    assert run(esp32, "print(onewire.OneWire(Pin(4)).scan())") == "[]\n"
    esp32.fix_sensor("dht")
    assert run(esp32, measure) == "measured\n"
    with pytest.raises(ValueError, match="no such sensor"):
        esp32.break_sensor("nose")


# TLS


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (1500000000, 1500000001, "The certificate validity has expired"),
        (2000000000, 2100000000, "The certificate validity starts in the future"),
        (1500000000, 2100000000, "no fault"),
    ],
)
def test_a_certificate_is_judged_by_the_clock_of_the_board(pico, first, last, said):
    pico.set_certificate_dates(first, last)  # its cold clock says 2021
    code = ONLINE + (
        "import socket, ssl\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
        "c.verify_mode = ssl.CERT_REQUIRED\n"
        "t = c.wrap_socket(socket.socket(), server_hostname='x', do_handshake_on_connect=False)\n"
        "try:\n    t.write(b'')\n    print('no fault')\n"
        "except OSError:\n    print('no fault')\n"
        "except ValueError as error:\n    print(error)\n"
    )
    assert run(pico, code).strip() == said
