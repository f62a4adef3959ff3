# SPDX-License-Identifier: MIT
"""Sensors: the drivers that are ours, the kinds that board_config.py picks from, and the ports."""

import importlib.util
import sys
import types
from pathlib import Path

import pytest

from host_tests.board_bench import mpremote, needs_micropython, value

pytest_plugins = ["host_tests.board_fixtures"]  # each_board

ROOT = Path(__file__).parent.parent
PORTS = ROOT / "lib" / "aiot_port"


@pytest.fixture
def run(run):
    """Give MicroPython room for the scripted boards beside the sensors."""
    run.heap = "160k"
    return run


# AHT20. The first answer was printed by github.com/bilbobg/aht20's program, with what it makes of
# it; the others are recorded too, by the CRC checker of XU Zifeng and in elixir-sensors/aht20.
AHT20_RECORDED = [
    ("1c3b5e8688b2d2", 31.674576, 23.191071),
    ("1cb8f5a59cd0a3", 20.15686, 72.249794),
    ("1cb910959c5370", 20.133018, 72.290897),
    ("1cb8f9559c72d5", 20.138931, 72.255421),
    ("1cb909359c362d", 20.127487, 72.279644),
    ("1c269a7642e776", 28.266716, 15.079403),
]
AHT20_FRAME = AHT20_RECORDED[0][0]
AHT20_ASKED = [["r", 0x38, 1, "1c"], ["w", 0x38, "ac3300"], ["sleep", 80]]
AHT20 = [*AHT20_ASKED, ["r", 0x38, 7, AHT20_FRAME]]


@pytest.mark.parametrize(("frame", "celsius", "percent"), AHT20_RECORDED)
def test_aht20_by_recorded_answers(run, frame, celsius, percent):
    found, left = run(
        "sensing.measure", kind="aht20", script=[*AHT20_ASKED, ["r", 0x38, 7, frame]]
    )
    assert found == pytest.approx([celsius, percent], abs=0.0005)
    assert left == 0


def test_aht20_that_lost_its_power_is_initialised(run):
    script = [["r", 0x38, 1, "00"], ["w", 0x38, "be0800"], ["sleep", 10], *AHT20[1:]]
    assert run("sensing.measure", kind="aht20", script=script)[0][1] == pytest.approx(
        23.191, abs=0.01
    )


def test_aht20_that_measures_long_is_waited_for_but_not_for_ever(run):
    busy = [["r", 0x38, 7, "98000000000000"], ["sleep", 10]]
    found, left = run("sensing.measure", kind="aht20", script=[*AHT20_ASKED, *busy * 4, AHT20[-1]])
    assert (found[1], left) == (pytest.approx(23.191, abs=0.01), 0)
    found, left = run("sensing.measure", kind="aht20", script=[*AHT20_ASKED, *busy * 5])
    assert (found, left) == ("it measures without end", 0)


# SHT3x. The word is the data sheet's example of a CRC (4.12), its formulas (4.13) make the values.
SHT3X_FRAME = "beef92beef92"
SHT3X = [["w", 0x44, "2400"], ["sleep", 16], ["r", 0x44, 6, SHT3X_FRAME]]


@pytest.mark.parametrize(
    ("frame", "celsius", "percent"),
    [
        (SHT3X_FRAME, -45 + 175 * 0xBEEF / 65535, 100 * 0xBEEF / 65535),
        ("000081ffffac", -45, 100),
        ("ffffac000081", 130, 0),
    ],
)
@pytest.mark.parametrize("address", [0x44, 0x45])
def test_sht3x_by_the_data_sheet(run, frame, celsius, percent, address):
    script = [["w", address, "2400"], ["sleep", 16], ["r", address, 6, frame]]
    found, left = run("sensing.measure", kind="sht3x", script=script, address=address)
    assert found == pytest.approx([celsius, percent], abs=0.0005)
    assert left == 0


@pytest.mark.parametrize(("kind", "script"), [("aht20", AHT20), ("sht3x", SHT3X)])
def test_any_damaged_bit_of_an_answer_is_noticed(run, kind, script):
    # The AHT20's first byte, its status, is looked at before the CRC: its bit for busy waits.
    first = 1 if kind == "aht20" else 0
    noticed, bits = run(
        "sensing.measure_damaged", kind=kind, script=script, first=first, address=0x44
    )
    assert noticed == bits == 48


@pytest.mark.parametrize("word", ["nack", "stuck"])
@pytest.mark.parametrize(("kind", "script"), [("aht20", AHT20), ("sht3x", SHT3X)])
def test_call_that_fails_ends_the_measurement(run, kind, script, word):
    for number, step in enumerate(script):
        if step[0] == "sleep":
            continue
        length = 2 if step[0] == "r" else len(step) - 1
        broken = [*script[:number], [*step[: length + 1], word]]
        if step[0] == "w":
            broken[-1] = [*step, word]
        found, left = run("sensing.measure", kind=kind, script=broken, address=0x44)
        assert str({"nack": 19, "stuck": 110}[word]) in found
        assert left == 0


@pytest.mark.parametrize(
    "answer", ["", "ff", "1c3b5e", "ffffffffffff", "ffffffffffffff", "00" * 7]
)
@pytest.mark.parametrize(("kind", "script"), [("aht20", AHT20), ("sht3x", SHT3X)])
def test_short_or_empty_answer_is_an_error(run, kind, script, answer):
    last = [*script[-1][:-1], answer]
    more = [["sleep", 10], last] * 4 + [["sleep", 10]]  # 0xFF says that it is busy
    found, _ = run("sensing.measure", kind=kind, script=[*script[:-1], last, *more], address=0x44)
    assert found in ("CRC error", "short", "it measures without end")


# Kinds, on MicroPython's port


def one(run, kind, turns=1, arguments=None, **world):
    """Read one sensor; return [readings, absent] of each turn, and what was opened."""
    outcomes, made, _ = run("sensing.read", kinds=[[kind, arguments or {}]], turns=turns, **world)
    return outcomes, made


@pytest.mark.parametrize(("kind", "highest"), [("Dht11", 60), ("Dht22", 80)])
def test_dht_within_its_limits(run, kind, highest):
    script = [[21.46, 40], [highest + 0.5, 40], [20, 100.5], [-40.5, -1], "ETIMEDOUT", [20, 41]]
    outcomes, made = one(run, kind, 6, {"pin": 4}, dht=script)
    name = kind.lower()
    assert outcomes[0] == [{"temperature": 21.46, "humidity": 40}, {}]
    assert outcomes[1][0] == {"humidity": 40}
    assert outcomes[1][1] == {
        name: f"temperature: {highest + 0.5} is outside "
        + ("-20 to 60" if kind == "Dht11" else "-40 to 80")
    }
    assert outcomes[2][0] == {"temperature": 20}
    assert outcomes[3][0] == {}
    assert "temperature" in outcomes[3][1][name] and "humidity" in outcomes[3][1][name]
    assert outcomes[4] == [{}, {name: "ETIMEDOUT"}]
    assert outcomes[5] == [{"temperature": 20, "humidity": 41}, {}]
    assert made == [f"{kind.upper()} 4"]


def test_identifiers_are_the_users_and_none_leaves_a_reading_out(run):
    names = {"pin": 4, "temperature": "cellar", "humidity": None}
    assert one(run, "Dht22", 1, names, dht=[[11.0, 90.0]])[0] == [[{"cellar": 11.0}, {}]]


@pytest.mark.parametrize(
    ("esp32", "chip", "adc", "celsius"),
    [
        (True, ["raw_temperature", 128], [], 53.3),
        (True, ["mcu_temperature", 41], [], 41),
        (False, None, [14021], 27),  # 0.706 V
        (False, None, [65535], None),  # a broken diode
    ],
)
def test_chip_temperature(run, esp32, chip, adc, celsius):
    [[readings, absent]], _ = one(run, "ChipTemperature", esp32=esp32, chip=chip, adc=adc)
    if celsius is None:
        assert readings == {}
        assert "outside -40 to 125" in absent["chip_temperature"]
    else:
        assert readings == {"chip_temperature": pytest.approx(celsius, abs=0.15)}


FIRST, SECOND, THIRD = "28ff000000000001", "28ff000000000002", "28ff000000000003"


def test_probes_are_named_in_the_order_of_their_ids(run):
    probes = [{SECOND: 2.0625, FIRST: 1.0}, {FIRST: 85.0, SECOND: 3.0}, {}, {FIRST: 125.5}]
    outcomes, made, slept = run(
        "sensing.read", kinds=[["Ds18b20", {"pin": 5}]], turns=4, probes=probes
    )
    assert outcomes == [
        [{"probe_temperature": 1.0, "probe_temperature_2": 2.06}, {}],
        [{"probe_temperature_2": 3.0}, {}],  # the first has not measured
        [{}, {"ds18b20": "no probe answers"}],
        [{}, {"ds18b20": "probe_temperature: 125.5 is outside -55 to 125"}],
    ]
    assert made == ["wire 5"]
    assert slept == [750] * 3  # all measure at once, and none is waited for where none is


def test_wrong_crc_of_one_probe_costs_that_one(run):
    outcomes, _ = one(run, "Ds18b20", 1, {"pin": 5}, probes=[{FIRST: "CRC error", SECOND: 2.0}])
    assert outcomes == [
        [{"probe_temperature_2": 2.0}, {"ds18b20": "probe_temperature: no answer"}]
    ]


def test_probes_with_names_of_their_own_keep_them_when_one_goes_missing(run):
    names = {SECOND: "pond", FIRST: "cellar"}
    there = [{FIRST: 1.0, SECOND: 2.0, THIRD: 3.0}, {SECOND: 2.5}, {FIRST: 1.5}]
    outcomes, _ = one(run, "Ds18b20", 3, {"pin": 5, "probes": names}, probes=there)
    assert outcomes == [
        [{"cellar": 1.0, "pond": 2.0}, {}],
        [{"pond": 2.5}, {"ds18b20": "cellar: no answer"}],
        [{"cellar": 1.5}, {"ds18b20": "pond: no answer"}],
    ]
    assert run("sensing.probe_ids", probes={SECOND: 2.0, FIRST: 1.0}) == [FIRST, SECOND]


def test_wrong_id_of_a_probe_makes_it_absent(run):
    outcomes, _ = one(run, "Ds18b20", 1, {"pin": 5, "probes": {"28xx": "cellar"}}, probes=[])
    assert outcomes[0][0] == {}
    assert "ds18b20" in outcomes[0][1]


def test_sensors_on_one_bus_share_it_and_one_that_fails_costs_itself(run):
    kinds = [["Aht20", {}], ["Sht3x", {"temperature": "outside", "humidity": "damp"}]]
    script = [*AHT20, *SHT3X, ["r", 0x38, 1, "nack"], *SHT3X, *AHT20, ["w", 0x44, "2400", "nack"]]
    script = [step for step in script if step[0] != "sleep"]  # the port's own clock sleeps
    outcomes, made, slept = run("sensing.read", kinds=kinds, turns=3, i2c=script)
    assert outcomes[0] == [
        {"temperature": 31.67, "humidity": 23.19, "outside": 85.52, "damp": 74.58}, {},
    ]  # fmt: skip
    assert outcomes[1][0] == {"outside": 85.52, "damp": 74.58}
    assert list(outcomes[1][1]) == ["aht20"]
    assert outcomes[2][0] == {"temperature": 31.67, "humidity": 23.19}
    assert list(outcomes[2][1]) == ["sht3x"]
    assert made == ["i2c 22 21"]
    assert slept == [80, 16, 16, 80]


def test_sht3x_beyond_its_limits(run):
    script = [["w", 0x44, "2400"], ["r", 0x44, 6, "ffffac000081"]]
    [[readings, absent]], _ = one(run, "Sht3x", 1, {}, i2c=script)
    assert readings == {"humidity": 0}
    assert absent == {"sht3x": "temperature: 130.0 is outside -40 to 125"}


BME280_IS = ["m", 0x76, 0xD0, 1, "60"]


def test_bme280_by_the_driver_of_mip(run):
    # What its driver clips to is refused, one end a turn.
    turns = [
        [20.5, 101325.0, 45.25], [-40, 30000, 50.0], [85, 110000, 100.5], "ENODEV",
        [20.5, 95000.0, 45.25],
    ]  # fmt: skip
    outcomes, made = one(run, "Bme280", 5, {}, bme280=turns, i2c=[BME280_IS, BME280_IS])
    assert outcomes[0] == [{"temperature": 20.5, "humidity": 45.25, "pressure": 1013.25}, {}]
    assert outcomes[1][0] == {"humidity": 50.0}
    assert outcomes[2][0] == {}
    assert outcomes[3] == [{}, {"bme280": "ENODEV"}]
    assert outcomes[4][0]["pressure"] == 950.0
    assert made == ["i2c 22 21", "bme280 118", "bme280 118"]  # set up afresh after the failure


def test_bmp280_is_told_from_a_bme280(run):
    script = [["m", 0x77, 0xD0, 1, "58"]]
    outcomes, _ = one(run, "Bme280", 1, {"address": 0x77}, i2c=script)
    assert outcomes == [[{}, {"bme280": "chip id 0x58 is not a BME280's"}]]


def test_driver_that_is_not_installed_is_named(run):
    outcomes, _ = one(run, "Bme280", 1, {}, without=["bme280_float"])
    assert "bme280_float" in outcomes[0][1]["bme280"]


# Pins


@pytest.mark.parametrize(
    ("kind", "arguments", "millivolts", "value"),
    [
        ("Adc", {}, 1234, {"voltage": 1.234}),
        ("Adc", {"name": "level", "low": [500, -10], "high": [2500, 90.0]}, 1000, {"level": 15}),
        ("Adc", {"name": "level", "low": [2500, 0], "high": [500, 200]}, 500, {"level": 200}),
        ("Battery", {"ratio": 2}, 1850, {"battery_voltage": 3.7}),
        ("Battery", {"ratio": 4.3, "name": "cell"}, 1000, {"cell": 4.3}),
        ("Percent", {"name": "soil_moisture", "at_0": 2800, "at_100": 1200}, 2000,
         {"soil_moisture": 50}),
        ("Percent", {"name": "light", "at_0": 0, "at_100": 3000}, 750, {"light": 25}),
        ("Percent", {"name": "soil", "at_0": 2800, "at_100": 1200}, 2900, {"soil": 0}),
        ("Percent", {"name": "soil", "at_0": 2800, "at_100": 1200}, 1100, {"soil": 100}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("esp32", [True, False])
def test_voltages(run, esp32, kind, arguments, millivolts, value):
    raw = [millivolts * 1000 if esp32 else round(millivolts * 65535 / 3300)] * 16
    [[readings, absent]], made = one(run, kind, 1, {"pin": 34, **arguments}, adc=raw, esp32=esp32)
    assert readings == pytest.approx(value, abs=0.02)
    assert absent == {}
    assert made == ["adc 34"]


def test_voltage_is_the_mean_of_samples(run):
    noisy = [990000, 1010000] * 7 + [930000, 1070000]
    assert one(run, "Adc", 1, {"pin": 34}, adc=noisy)[0] == [[{"voltage": 1.0}, {}]]


@pytest.mark.parametrize("millivolts", [0, 700, 3300])
def test_voltage_far_beyond_the_points_is_no_percentage(run, millivolts):
    arguments = {"pin": 34, "name": "soil", "at_0": 2800, "at_100": 1200}
    [[readings, absent]], _ = one(run, "Percent", 1, arguments, adc=[millivolts * 1000] * 16)
    assert readings == {}
    assert "is outside 0 to 100" in absent["soil"]


def test_line_through_one_point_is_an_absent_reading(run):
    arguments = {"pin": 34, "low": [1, 2], "high": [1, 3]}
    [[readings, absent]], _ = one(run, "Adc", 1, arguments, adc=[0] * 16)
    assert readings == {}
    assert "zero" in absent["voltage"]


@pytest.mark.parametrize(
    ("pull", "inverted", "made", "values"),
    [
        ("up", True, "pin 13 pull 1", [0, 1]),
        ("down", False, "pin 13 pull 2", [1, 0]),
        (None, False, "pin 13 pull None", [1, 0]),
    ],
)
def test_digital_input(run, pull, inverted, made, values):
    arguments = {"pin": 13, "name": "door", "pull": pull, "inverted": inverted}
    outcomes, opened = one(run, "DigitalInput", 2, arguments, levels=[1, 0])
    assert outcomes == [[{"door": level}, {}] for level in values]
    assert opened == [made]


@pytest.mark.parametrize(("esp32", "how"), [(False, "irq [('hard', True)]"), (True, "irq []")])
def test_pulses_are_counted_between_readings(run, esp32, how):
    script = [
        "read", 5, ["pass", 30000], "read", ["pass", 60000], "read", 1, ["pass", 500], 2,
        ["pass", 500], "read", 7, "read",
    ]  # fmt: skip
    found, made = run("sensing.count_pulses", script=script, esp32=esp32)
    assert found == [
        {"pulses": 0},
        {"pulses": 5, "pulse_rate": 10},
        {"pulses": 0, "pulse_rate": 0},
        {"pulses": 3, "pulse_rate": 180},
        {"pulses": 7, "pulse_rate": 420000},  # no time passed: not divided by
    ]
    assert made == ["pin 27 pull 1", how]


def test_pulses_by_other_names(run):
    found, made = run(
        "sensing.count_pulses", script=["read", 2, "read"], esp32=True, name="rain", rate=None,
        pull=None,
    )  # fmt: skip
    assert found == [{"rain": 0}, {"rain": 2}]
    assert made[0] == "pin 27 pull None"


def test_counter_wraps_before_it_would_need_memory(run):
    assert run("sensing.wrapping_counter", start=2**30 - 2, pulses=1) == 2**30 - 1
    assert run("sensing.wrapping_counter", start=2**30 - 2, pulses=5) == 3
    assert run("sensing.pulses_of_totals", totals=[2**30 - 2, 3, 3, 10]) == [5, 0, 7]


# What a user adds, and what a board carries


def test_functions_of_a_user_and_what_may_go_wrong_in_them(run):
    readings, absent = run("sensing.own_functions")
    assert readings == {
        "tank_level": 71, "tank_full": False, "good": 1.5, "depth": 1.25, "edge": 100,
    }  # fmt: skip
    assert absent.pop("broken") == absent.pop("raising") == "no echo"
    assert absent.pop("nan") == "x: not a number"
    assert absent.pop("not_a_number") == "not_a_number: not a number"
    assert sorted(absent.pop("mixed").split(", ")) == [
        "bad: not a number", "text or switch", "worse: no number", "worst: no answer",
    ]  # fmt: skip
    assert absent.pop("low") == "low: -0.5 is outside 0 to 100"
    assert absent.pop("high") == "high: 100.5 is outside 0 to 100"
    assert absent.pop("good") == "good: another sensor has this identifier"
    assert list(absent) == ["sensor"]  # None, where a sensor should be


def test_board_loads_only_what_it_reads(run):
    run.apart = True
    found = run("sensing.loaded")
    assert "sensors" in found
    heavy = {"sensors_i2c", "sensors_pins", "aiot_port.hygrometers_on_micropython", "machine"}
    assert not heavy & set(found)


# CircuitPython's port, with circup's drivers as fakes: CPython lacks the modules under them.


@pytest.fixture
def circuitpython(monkeypatch):
    """The port file of CircuitPython, and a namespace in which tests put what a board has."""
    spec = importlib.util.spec_from_file_location("port", PORTS / "sensors_on_circuitpython.py")
    port = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(port)

    def provide(name, **members):
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**members))

    pins = types.SimpleNamespace(**{f"GPIO{number}": f"pin {number}" for number in range(40)})
    provide("microcontroller", pin=pins, cpu=types.SimpleNamespace(temperature=31.5))
    provide("digitalio", Pull=types.SimpleNamespace(UP="up!", DOWN="down!"), DigitalInOut=Switch)
    return port, provide


class Switch:
    def __init__(self, pin):
        assert pin == "pin 13"
        self.value = True

    def switch_to_input(self, pull):
        assert pull == "up!"


def test_circuitpython_pins(circuitpython):
    port, provide = circuitpython
    assert port.chip_temperature() == 31.5
    assert port.digital_input(13, "up")() == 1
    source = types.SimpleNamespace(value=13107, reference_voltage=3.3)
    provide("analogio", AnalogIn=lambda pin: source if pin == "pin 1" else None)
    assert port.adc(1)() == pytest.approx(660)
    counter = types.SimpleNamespace(count=2**30 + 3)
    made = []
    provide(
        "countio",
        Edge=types.SimpleNamespace(FALL="fall"),
        Counter=lambda pin, **options: made.append((pin, options)) or counter,
    )
    assert port.pulse_counter(2, None)() == 3
    assert made == [("pin 2", {"edge": "fall", "pull": None})]


def test_circuitpython_sensors(circuitpython):
    port, provide = circuitpython
    values = types.SimpleNamespace(
        temperature=20.5, humidity=40, relative_humidity=41.5, pressure=1013.25
    )

    def driver(*given):
        made.append(given)
        return values

    made = []
    provide("adafruit_dht", DHT11=driver, DHT22=driver)
    provide("adafruit_ahtx0", AHTx0=driver)
    provide("adafruit_bme280")
    provide("adafruit_bme280.basic", Adafruit_BME280_I2C=driver)
    provide("adafruit_sht31d", SHT31D=driver)
    provide("busio", I2C=lambda scl, sda: (scl, sda))
    bus = port.i2c(22, 21)
    assert port.dht11(4)() == port.dht22(5)() == (20.5, 40)
    assert port.aht20(bus)() == port.sht3x(bus, 0x45)() == (20.5, 41.5)
    assert port.bme280(bus, 0x76)() == (20.5, 41.5, 1013.25)
    wires = ("pin 22", "pin 21")
    assert made == [("pin 4",), ("pin 5",), (wires,), (wires, 0x45), (wires, 0x76)]


class Probe:
    """As adafruit_ds18x20.DS18X20."""

    there = {}

    def __init__(self, bus, address):
        assert bus == "bus of pin 5"
        self._rom = bytes(address.rom).hex()
        self._measured = {}

    def start_temperature_read(self):
        if self._rom not in self.there:
            raise RuntimeError("CRC error.")
        self._measured = self.there

    def read_temperature(self):
        if self._rom not in self.there:
            raise RuntimeError("CRC error.")
        return self._measured.get(self._rom, 85.0)  # what its memory holds at first


def test_circuitpython_probes(circuitpython, monkeypatch):
    port, provide = circuitpython

    class Address:
        def __init__(self, rom):
            self.rom = rom
            self.family_code = rom[0]

    class Bus(str):
        def scan(self):
            found = [Address(bytearray.fromhex(rom)) for rom in (*Probe.there, "01" + "00" * 7)]
            return found[::-1]

    naps = []
    monkeypatch.setattr(port, "time", types.SimpleNamespace(sleep=naps.append))
    monkeypatch.setattr(Probe, "there", {FIRST: 1.0, SECOND: 2.0})
    provide("adafruit_ds18x20", DS18X20=Probe)
    provide("adafruit_onewire")
    provide(
        "adafruit_onewire.bus", OneWireBus=lambda pin: Bus("bus of " + pin), OneWireAddress=Address
    )
    read = port.ds18b20(5)
    assert read() == [1.0, 2.0]
    assert read([SECOND, THIRD, FIRST]) == [2.0, None, 1.0]
    assert naps == [0.75, 0.75]
    assert port.ds18b20_ids(5) == [FIRST, SECOND]
    Probe.there.clear()
    assert read() == []
    assert naps == [0.75, 0.75]


def test_the_desk_has_no_sensors():
    from aiot_port import sensors

    bus = None
    calls = [
        lambda: sensors.chip_temperature(), lambda: sensors.i2c(1, 2), lambda: sensors.adc(1),
        lambda: sensors.digital_input(1, None), lambda: sensors.pulse_counter(1, None),
        lambda: sensors.dht11(1), lambda: sensors.dht22(1), lambda: sensors.ds18b20(1),
        lambda: sensors.ds18b20_ids(1), lambda: sensors.aht20(bus),
        lambda: sensors.bme280(bus, 0x76), lambda: sensors.sht3x(bus, 0x44),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(OSError, match="this machine has no"):
            call()


# The virtual board: MicroPython's port on its pins

ON_BOARD = """
import sensors, sensors_i2c, sensors_pins
bus = sensors_i2c.I2c(scl=1, sda=2)
attached = (
    sensors.ChipTemperature(), sensors.Dht11(pin=15, humidity=None), sensors.Ds18b20(pin=4),
    sensors_i2c.Aht20(bus, "aht_temperature", "aht_humidity"),
    sensors_i2c.Sht3x(bus, 0x44, "sht_temperature", "sht_humidity"),
    sensors_pins.Percent({adc}, "soil_moisture", at_0=2800, at_100=1200),
    sensors_pins.Battery({adc}, 2), sensors_pins.DigitalInput(13, "door", "up", True),
)
print([sensors.read_all(attached) for _ in range(2)])
"""


@needs_micropython
def test_sensors_of_a_virtual_board(each_board):
    folders = "import os\nos.mkdir('lib')\nos.mkdir('lib/aiot_port')"
    mpremote(each_board, "resume", "exec", folders)
    for folder, paths in each_board.facts.install.items():
        files = [path for path in paths if folder != ":" or "sensors" in path]
        mpremote(each_board, "fs", "cp", *[str(ROOT / path) for path in files], folder + "/")
    code = ON_BOARD.format(adc=34 if each_board.facts.platform == "esp32" else 26)
    for readings, absent in value(each_board, code):
        assert absent == {}
        celsius, percent = (tenths / 10 for tenths in each_board.weather())
        assert readings == {
            "chip_temperature": pytest.approx(celsius, abs=0.6),
            "temperature": int(celsius),
            "probe_temperature": pytest.approx(celsius, abs=0.04),
            "aht_temperature": pytest.approx(celsius, abs=0.02),
            "aht_humidity": pytest.approx(percent, abs=0.02),
            "sht_temperature": pytest.approx(celsius, abs=0.02),
            "sht_humidity": pytest.approx(percent, abs=0.02),
            "soil_moisture": pytest.approx(percent, abs=0.2),
            "battery_voltage": pytest.approx(2 * (2.8 - 0.016 * percent), abs=0.01),
            "door": 0,
        }
    each_board.break_sensor("i2c")
    each_board.break_sensor("adc")
    [[readings, absent]] = value(each_board, code.replace("range(2)", "range(1)"))
    assert sorted(absent) == ["aht20", "sht3x", "soil_moisture"]
    assert "probe_temperature" in readings
