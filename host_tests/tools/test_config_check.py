# SPDX-License-Identifier: MIT
"""board_config.py on the desk: what is wrong with it is said before it is sent."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from host_tests.conftest import ROOT
from tools.common.facts import known_boards
from tools.deploy.config_check import check, examine
from tools.deploy.config_run import NEVER_FREE

GOOD = """\
import sensors
import sensors_i2c
import sensors_pins

WATCHDOG_MS = 8000
bus = sensors_i2c.I2c(scl=5, sda=4)


def attached():
    return (
        sensors.ChipTemperature(),
        sensors.Dht22(15),
        sensors_i2c.Bme280(bus, temperature="air", humidity="damp"),
    )
"""
DHT = "sensors.Dht22(15)"


def board(name="RPI_PICO_W"):
    return json.loads((ROOT / "boards" / name / "board.json").read_text())


@pytest.fixture
def checked(tmp_path):
    """Return a function that checks a text as a board_config.py; paths are cut off."""
    path = tmp_path / "board_config.py"

    def checked(text, name="RPI_PICO_W", **more):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        found = check(path, board(name), **more)
        assert all(problem.startswith(str(path) + ":") for problem in found)
        assert all("\n" not in problem for problem in found)
        return [problem.removeprefix(str(path) + ":") for problem in found]

    return checked


@pytest.mark.parametrize("name", known_boards())
def test_the_config_of_each_board_is_right(name):
    assert check(ROOT / "boards" / name / "board_config.py", board(name)) == []


@pytest.mark.parametrize("name", ["own_sensor", "battery_node"])
def test_examples_are_right(name):
    path = ROOT / "firmware" / "examples" / f"{name}.py"
    assert check(path, board("ESP32_GENERIC")) == []


def test_good_config(checked):
    assert checked(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def attached():", "def attached()", "9: SyntaxError: invalid syntax: a board cannot"),
        ("import sensors\n", "import sensors；\n", "1: SyntaxError"),  # a full-width semicolon
        ("import sensors_pins", "match 1:\n    case 1: pass", "3: SyntaxError"),  # no MicroPython
        (
            DHT,
            "sensors.Dht23(15)",
            "12: AttributeError: module 'sensors' has no attribute",
        ),
        (
            DHT,
            "sensors.Dht22(pni=15)",
            "12: TypeError: Dht22.__init__() got an unexpected",
        ),
        (DHT, "sensors.Dht22()", "12: TypeError: Dht22.__init__() missing 1 required"),
        (DHT, "Dht22(15)", "12: NameError: name 'Dht22' is not defined"),
        (
            "import sensors\n",
            "import sensor\n",
            "1: ModuleNotFoundError: No module named",
        ),
        ("import sensors_pins", "import sensors_pin", "3: ModuleNotFoundError"),
        ("import sensors_pins", "from sensors_i2c import Bmp280", "3: ImportError: cannot import"),
        (DHT, "sensors.Dht22(15, 'room-temp')", "12: identifier 'room-temp': only letters"),
        (DHT, "sensors.Reading('温度', int)", "12: identifier '温度': only letters"),
        (DHT, "sensors.Reading('', int)", "12: identifier '': give a text of 1 to 50"),
        (DHT, "sensors.Ds18b20(15, probes={'28': 'a'})", "12: probes: '28' is no id"),
        (DHT, "sensors.Dht22(15, 'air')", " identifier 'air' of bme280: dht22 has it too"),
        ("WATCHDOG_MS = 8000\n", "", " give WATCHDOG_MS"),
        ("8000", "9000", "5: WATCHDOG_MS: this chip counts to 8388 at most"),
        ("8000", "1000", "5: WATCHDOG_MS: one step may take 8000 ms"),
        ("8000", "'8000'", " give WATCHDOG_MS"),
        ("attached", "attach", " give a function attached()"),
        ("    return (", "    (", " attached() must return a list of sensors, not NoneType"),
        (DHT, "None", " attached() returns NoneType, which is no sensor"),
        (DHT, "sensors.Dht22", " attached() returns the class Dht22"),
        ("bus = sensors", "1 / 0\nbus = sensors", "6: ZeroDivisionError"),
    ],
)
def test_mistake_is_named_with_its_line(checked, old, new, said):
    assert old in GOOD
    [problem] = checked(GOOD.replace(old, new))
    assert problem.startswith(said), problem


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("RPI_PICO_W", DHT, "sensors.Dht22(99)", "12: dht22: this board has no GPIO99"),
        ("RPI_PICO_W", DHT, "sensors.Dht22(23)", "12: dht22: GPIO23 is taken (Wi-Fi chip)"),
        ("RPI_PICO_W", DHT, "sensors.Dht22('GP15')", "12: dht22: pin 'GP15': give the GPIO's"),
        ("RPI_PICO_W", DHT, "sensors.Dht22(True)", "12: dht22: pin True: give the GPIO's"),
        ("RPI_PICO_W", DHT, "sensors.Ds18b20(5)", "13: bme280: GPIO5 is used by ds18b20 too"),
        ("RPI_PICO_W", "sda=4", "sda=5", "13: bme280: scl and sda are both GPIO5"),
        ("RPI_PICO_W", "sda=4", "sda=24", "13: bme280: GPIO24 is taken"),
        ("RPI_PICO_W", "(bus,", "(bus, 0x70,", "13: bme280: address 112: it is 0x76 or 0x77"),
        ("RPI_PICO_W", DHT, "sensors_pins.Battery(15, 2)", "12: battery_voltage: GPIO15 measures"),
        ("ESP32_GENERIC", DHT, "sensors.Dht22(35)", "12: dht22: GPIO35 can only read"),
        ("ESP32_GENERIC", DHT, "sensors.Ds18b20(6)", "12: ds18b20: GPIO6 is taken (flash)"),
        ("raspberry_pi_pico_w", DHT,
         "sensors_pins.Adc(26), sensors_pins.Battery(26, 2)",
         "12: battery_voltage: GPIO26 is used by voltage too"),
    ],
)  # fmt: skip
def test_pin_that_a_board_has_not_is_named(checked, name, old, new, said):
    assert old in GOOD
    [problem] = checked(GOOD.replace(old, new), name)
    assert problem.startswith(said), problem


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("ESP32_GENERIC", "sensors_pins.PulseCounter(35, pull=None)"),
        ("ESP32_GENERIC", "sensors_pins.Battery(35, 2), sensors_pins.Adc(35)"),
        ("RPI_PICO_W", "sensors_pins.DigitalInput(15, 'door'), sensors_pins.PulseCounter(15)"),
        ("RPI_PICO_W", "sensors_i2c.Aht20(bus), sensors_i2c.Sht3x(bus, 0x45, 'a', 'b')"),
    ],
)
def test_pin_that_may_be_shared_or_only_read_is_right(checked, name, new):
    assert checked(GOOD.replace(DHT, new).replace("scl=5, sda=4", "scl=22, sda=21"), name) == []


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("sensors.Dht22(15)", "12: dht22: GPIO15 may be taken (how the chip boots)"),
        ("sensors_pins.DigitalInput(0, 'boot')", "12: boot: GPIO0 may be taken (how the chip"),
        ("sensors.Ds18b20(17)", "12: ds18b20: GPIO17 may be taken (PSRAM, on modules that"),
        ("sensors_pins.PulseCounter(35)", "12: pulses: GPIO35 has no pull: it needs a resistor"),
        ("sensors.Reading('a', open('calibration').read)", " it cannot be tried on the desk: "),
        ("''.join([__import__('machine').x])", "12: TypeError: "),
    ],
)
def test_what_may_be_wrong_is_said_and_refuses_nothing(tmp_path, new, said):
    path = tmp_path / "board_config.py"
    path.write_text(GOOD.replace(DHT, new).replace("scl=5, sda=4", "scl=22, sda=21"))
    problems, [doubt] = examine(path, board("ESP32_GENERIC"))
    assert problems == []
    assert doubt.startswith(f"{path}:{said}")


def test_uses_of_pins_that_no_wiring_changes():
    uses = {use for name in known_boards() for use in board(name)["pins"]["taken"]}
    assert {use for use in uses if use.startswith(NEVER_FREE)} == {
        "Wi-Fi chip", "flash", "flash and PSRAM",
    }  # fmt: skip


def test_each_wrong_pin_is_named(checked):
    text = GOOD.replace(DHT, "sensors.Dht22(23)").replace("sda=4", "sda=98")
    assert [problem.partition(":")[0] for problem in checked(text)] == ["12", "13"]


# What only a board has

ON_BOARDS = """\
import gc
import time

import bh1750
import machine
import sensors
from machine import I2C, Pin
from micropython import const
from adafruit_bus_device.i2c_device import I2CDevice

WATCHDOG_MS = const(8000)
led = Pin(2, Pin.OUT, value=0)
wires = I2C(0, scl=Pin(5), sda=Pin(4), freq=400_000)


class Light(bh1750.BH1750):
    pass


class Level:
    limits = {"level": (0, 100)}

    def read(self):
        raise SystemExit("it must not be read on the desk")


def own():
    raise SystemExit("it must not be read on the desk")


def attached():
    time.sleep_ms(50)
    time.sleep(3600)
    if machine.reset_cause() == machine.PWRON_RESET and 0x23 in wires.scan():
        led(1)
    while time.ticks_diff(time.ticks_ms(), time.ticks_ms()) > 5:
        pass
    print("free", gc.mem_free(), [address for address in wires.scan()], "RESULT []")
    return [own, Level(), Light(wires), bh1750.BH1750(wires), sensors.Reading("lux", own)]
"""


def test_modules_that_only_boards_have_are_stood_in_for(checked):
    assert checked(ON_BOARDS) == []


def test_what_a_file_does_stays_in_its_process(checked, tmp_path, monkeypatch):
    """It writes into a folder of its own, and finds nothing that is installed on the desk."""
    monkeypatch.chdir(tmp_path)
    text = GOOD.replace("bus =", "open('mine', 'w').write('x')\nimport serial as s\ns.x()\nbus =")
    assert checked(text) == []
    assert not (tmp_path / "mine").exists()


def test_error_that_only_the_desk_has_is_no_mistake(checked):
    assert checked(GOOD.replace("bus =", "open('calibration.json')\nbus =")) == []
    assert checked(GOOD.replace("bus =", "import machine\n'a' + machine.x\nbus =")) == []


def test_users_driver_beside_it_is_found(checked, tmp_path):
    (tmp_path / "mydriver.py").write_text("NAME = 'room-temp'\n")
    text = GOOD.replace(DHT, "sensors.Reading(mydriver.NAME, int)")
    [problem] = checked("import mydriver\n" + text)
    assert problem.startswith("13: identifier 'room-temp'")


# What is no such file, and what never ends


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), "1: it begins with a byte order mark"),
        (GOOD.replace(DHT, "None # 温度").encode("gbk"), "12: this is not UTF-8"),
        (GOOD.encode("utf-16"), "1: this is not UTF-8"),
        (b"\0" * 100, "1: SyntaxError"),
        (b"", " give WATCHDOG_MS"),
    ],
)
def test_file_that_is_no_program(checked, content, said):
    [problem] = checked(content)
    assert problem.startswith(said), problem


def test_file_that_is_not_there(tmp_path):
    [problem] = check(tmp_path / "none.py", board())
    assert problem == f"{tmp_path}/none.py: cannot be read: No such file or directory"


@pytest.mark.parametrize(
    "ending", ["import os\nos._exit(0)", "raise SystemExit(0)", "import sys\nsys.exit('bye')"]
)
def test_file_that_ends_python_is_not_taken_for_right(checked, ending):
    [problem] = checked(GOOD + ending)
    assert problem.startswith(" it ended Python itself")


@pytest.mark.slow
def test_file_that_never_returns(checked):
    [problem] = checked(
        GOOD.replace("    return", "    while True: pass\n    return"), timeout_s=3
    )
    assert problem == " it gave no sensors within 3 s: does attached() wait?"


def test_ctrl_c_ends_the_check_and_what_it_started(tmp_path):
    (tmp_path / "board_config.py").write_text(
        GOOD.replace("    return", f"    open({str(tmp_path / 'pid')!r}, 'w').write("
                     "str(__import__('os').getpid()))\n    while True: pass\n    return")
    )  # fmt: skip
    program = (
        "from pathlib import Path\nfrom tools.deploy.config_check import check\n"
        "try:\n    check(Path('board_config.py'), {'id': 'RPI_PICO_W'})\n"
        "except KeyboardInterrupt:\n    print('stopped')\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)  # to it alone: its own child must go too
    assert child.communicate(timeout=60)[0] == "stopped\n"
    while runs((tmp_path / "pid").read_text()):
        time.sleep(0.05)


def runs(pid):
    """Whether a process runs: one that has ended may wait for somebody to look at its status."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True)
    return done.stdout.strip()[:1] not in ("", "Z")
