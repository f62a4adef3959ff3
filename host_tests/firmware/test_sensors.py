# SPDX-License-Identifier: MIT
"""Sensors: the drivers that are ours, the kinds that board_config.py picks from, and the ports."""

import importlib.util
import sys
import types

import pytest

from host_tests.board_bench import mpremote, needs_micropython, value
from host_tests.bodies.sensing import Bus, crc8, scratchpad
from host_tests.conftest import ROOT
from tools.common import weather
from tools.simulate.board import Board

pytest_plugins = ["host_tests.board_fixtures"]  # each_board

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


def with_crc(text):
    """Append the CRC-8 of both chips to bytes in hex."""
    crc = 0xFF
    for byte in bytes.fromhex(text):
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 & 0xFF ^ (0x31 if crc & 0x80 else 0)
    return f"{text}{crc:02x}"


# SHT3x. The word is the data sheet's example of a CRC (4.12), its formulas (4.13) make the values.
SHT3X_FRAME = "beef92beef92"
SHT3X = [["w", 0x44, "2400"], ["sleep", 16], ["r", 0x44, 6, SHT3X_FRAME]]


@pytest.mark.parametrize(
    ("frame", "celsius", "percent"),
    [
        (SHT3X_FRAME, -45 + 175 * 0xBEEF / 65535, 100 * 0xBEEF / 65535),
        (with_crc("0001") + "ffffac", -45 + 175 / 65535, 100),
        (with_crc("fffe") + "000081", 130 - 175 / 65535, 0),
    ],
)
@pytest.mark.parametrize("address", [0x44, 0x45])
def test_sht3x_by_the_data_sheet(run, frame, celsius, percent, address):
    script = [["w", address, "2400"], ["sleep", 16], ["r", address, 6, frame]]
    found, left = run("sensing.measure", kind="sht3x", script=script, address=address)
    assert found == pytest.approx([celsius, percent], abs=0.0005)
    assert left == 0


@pytest.mark.parametrize(
    ("kind", "frame"),
    [
        ("sht3x", "000081" * 2),
        ("sht3x", "ffffac" * 2),
        ("sht3x", "ffffacbeef92"),
        ("aht20", with_crc("180000000000")),
        ("aht20", with_crc("18ffffffffff")),
        ("aht20", with_crc("1c3b58000000")),
        ("aht20", with_crc("143b5e8688b2")),  # it says that it is not calibrated
    ],
)
def test_frame_with_a_right_crc_that_no_measurement_gives(run, kind, frame):
    script = [*(AHT20_ASKED if kind == "aht20" else SHT3X[:2])]
    last = SHT3X[2][:3] if kind == "sht3x" else AHT20[-1][:3]
    found, left = run("sensing.measure", kind=kind, script=[*script, [*last, frame]], address=0x44)
    assert (found, left) == ("no measurement: did it lose its power?", 0)


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


# Frames of DHT, DS18B20 and BME280: what they mean, and which no sensor sends


def summed(text):
    """Append a DHT's checksum to bytes in hex."""
    return f"{text}{sum(bytes.fromhex(text)) & 0xFF:02x}"


@pytest.mark.parametrize(
    ("kind", "frame", "values"),
    [
        ("dht11", summed("35001804"), [24.4, 53]),  # the two examples of Asair's manual
        ("dht11", summed("35000a81"), [-10.1, 53]),
        ("dht11", summed("35000680"), [-6, 53]),
        ("dht11", summed("28001500"), [21, 40]),  # no tenths
        ("dht22", "028c015fee", [35.1, 65.2]),  # the two examples of Aosong's manual
        ("dht22", "028c806573", [-10.1, 65.2]),
        ("dht22", "02b7ffe9a1", [-2.3, 69.5]),  # two's complement (micropython-lib issue 1074)
        ("dht22", summed("028c8000"), [0, 65.2]),
        ("dht22", summed("028c8190"), [-40, 65.2]),
        ("dht22", summed("028cfe70"), [-40, 65.2]),
        ("28", "50054b467fff1010bd", [85]),  # measured, says Maxim's own
        ("10", "ffff4b46ffff0410bc", [-0.5]),
        ("10", "00004b46ffff0c1011", [0]),
    ],
)
def test_frame_means(run, kind, frame, values):
    found = run("sensing.meaning", kind=kind, frame=frame)
    assert (found if isinstance(found, list) else [found]) == pytest.approx(values)


# The table of the DS18B20's data sheet, and what byte 4 says of its resolution.
@pytest.mark.parametrize(
    ("low", "high", "celsius"),
    [
        (0xD0, 0x07, 125), (0x91, 0x01, 25.0625), (0xA2, 0x00, 10.125), (0x08, 0x00, 0.5),
        (0x00, 0x00, 0), (0xF8, 0xFF, -0.5), (0x5E, 0xFF, -10.125), (0x6F, 0xFE, -25.0625),
        (0x90, 0xFC, -55),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("config", "step"), [(0x7F, 0.0625), (0x5F, 0.125), (0x1F, 0.5)])
def test_degrees_of_a_ds18b20(run, low, high, celsius, config, step):
    frame = bytes((low, high, 0x4B, 0x46, config, 0xFF, 0x01, 0x10, 0)).hex()
    assert run("sensing.meaning", kind="28", frame=frame) == celsius // step * step


ZEROS, ONES = "00", "ff"


@pytest.mark.parametrize(
    ("kind", "frame", "why"),
    [
        ("dht11", ZEROS * 5, "held low"),
        ("dht22", ZEROS * 5, "held low"),
        ("dht11", ONES * 5, "checksum"),
        ("dht22", ONES * 5, "checksum"),
        ("dht11", "028c015fee", "is it a DHT22"),
        ("dht11", summed("3500180a"), "is it a DHT22"),
        ("28", ZEROS * 9, "held low"),
        ("22", ZEROS * 9, "held low"),
        ("10", ZEROS * 9, "held low"),
        ("28", ONES * 9, "held low"),
        ("28", "50054b467fff0c101c", "before it has measured"),
        ("28", "50054b467f7e816656", "before it has measured"),  # of a clone: nobody knows
        ("10", "aa004b46ffff0c1087", "before it has measured"),
        ("10", "00014b46ffff0c1000", "no scratchpad"),
        ("bme280", "8000008000008000", "has not measured"),
        ("bme280", ZEROS * 8, "no measurement"),
        ("bme280", ONES * 8, "no measurement"),
        ("bme280", "655ac0fffff06d1c", "no measurement"),
    ],
)
def test_frame_that_no_sensor_sends(run, kind, frame, why):
    assert why in run("sensing.meaning", kind=kind, frame=frame)


@pytest.mark.parametrize("registers", ["655ac07edb006d1c", "8000007edb006d1c"])
def test_measurement_of_a_bme280_may_look_like_one_value_after_a_reset(run, registers):
    assert run("sensing.meaning", kind="bme280", frame=registers) is None


# Kinds, on MicroPython's port


def one(run, kind, turns=1, arguments=None, **world):
    """Read one sensor; return [readings, absent] of each turn, and what was opened."""
    outcomes, made, _ = run("sensing.read", kinds=[[kind, arguments or {}]], turns=turns, **world)
    return outcomes, made


def test_dht22_within_its_limits(run):
    script = [[21.4, 40], [80.5, 40], [20, 100.5], [-40.5, 100.1], "ETIMEDOUT", [20, 41]]
    outcomes, made = one(run, "Dht22", 6, {"pin": 4}, dht=script)
    assert outcomes[0] == [{"temperature": 21.4, "humidity": 40}, {}]
    assert outcomes[1][0] == {"humidity": 40}
    assert outcomes[1][1] == {"dht22": "temperature: 80.5 is outside -40 to 80"}
    assert outcomes[2][0] == {"temperature": 20}
    assert outcomes[3][0] == {}
    assert "temperature" in outcomes[3][1]["dht22"] and "humidity" in outcomes[3][1]["dht22"]
    assert outcomes[4] == [{}, {"dht22": "ETIMEDOUT"}]
    assert outcomes[5] == [{"temperature": 20, "humidity": 41}, {}]
    assert made == ["DHT22 4"]


def test_dht11_within_its_limits(run):
    script = [[21.4, 40], [-6, 40], [-20, 40], [-20.1, 40], [60.1, 40], [21, 0], ["0" * 10]]
    outcomes, made = one(run, "Dht11", 7, {"pin": 4}, dht=script)
    assert [readings for readings, _ in outcomes] == [
        {"temperature": 21.4, "humidity": 40},
        {"temperature": -6, "humidity": 40},  # the firmware's driver says 6
        {"temperature": -20, "humidity": 40},
        {"humidity": 40},
        {"humidity": 40},
        {"temperature": 21},  # no air is that dry
        {},
    ]
    assert outcomes[3][1] == {"dht11": "temperature: -20.1 is outside -20 to 60"}
    assert "held low" in outcomes[6][1]["dht11"]
    assert made == ["DHT11 4"]


def test_identifiers_are_the_users_and_none_leaves_a_reading_out(run):
    names = {"pin": 4, "temperature": "cellar", "humidity": None}
    assert one(run, "Dht22", 1, names, dht=[[11.0, 90.0]])[0] == [[{"cellar": 11.0}, {}]]


@pytest.mark.parametrize(
    ("esp32", "chip", "adc", "celsius"),
    [
        (True, ["raw_temperature", 127], [], 52.8),
        (True, ["raw_temperature", 128], [], None),  # an ESP32 that has not measured
        (True, ["mcu_temperature", 41], [], 41),
        (False, None, [14021], 27),  # 0.706 V
        (False, None, [65535], None),  # a broken diode
        (False, None, [0], None),
    ],
)
def test_chip_temperature(run, esp32, chip, adc, celsius):
    [[readings, absent]], _ = one(run, "ChipTemperature", esp32=esp32, chip=chip, adc=adc)
    if celsius is None:
        assert readings == {}
        why = absent["chip_temperature"]
        assert "outside -40 to 125" in why or why == "it has not measured"
    else:
        assert readings == {"chip_temperature": pytest.approx(celsius, abs=0.15)}


FIRST, SECOND, THIRD = "28ff000000000116", "28ff0000000002f4", "28ff0000000003aa"
NO_THERMOMETER = "01ff000000000389"
POWER_ON = ["50054b467fff0c101c"]
FAULTY = ["00" * 9]


def test_probes_are_named_in_the_order_of_their_ids(run):
    probes = [
        {SECOND: 2.0625, FIRST: 1.0, NO_THERMOMETER: 5.0}, {FIRST: POWER_ON, SECOND: 3.0}, {},
        {FIRST: 125.5},
    ]  # fmt: skip
    outcomes, made, slept = run(
        "sensing.read", kinds=[["Ds18b20", {"pin": 5}]], turns=4, probes=probes
    )
    assert outcomes == [
        [{"probe_temperature": 1.0, "probe_temperature_2": 2.06}, {}],
        [{"probe_temperature_2": 3.0}, {"ds18b20": UNMEASURED}],
        [{}, {"ds18b20": "no probe answers"}],
        [{}, {"ds18b20": "probe_temperature: 125.5 is outside -55 to 125"}],
    ]
    assert made == ["wire 5"]
    assert slept == [750] * 3  # all measure at once, and none is waited for where none is


UNMEASURED = "probe_temperature: 85.0 is what it says before it has measured"


def test_wrong_crc_of_one_probe_costs_that_one(run):
    outcomes, _ = one(run, "Ds18b20", 1, {"pin": 5}, probes=[{FIRST: "CRC error", SECOND: 2.0}])
    assert outcomes == [
        [{"probe_temperature_2": 2.0}, {"ds18b20": "probe_temperature: CRC error"}]
    ]


def test_probes_on_a_wire_that_is_held_low_are_absent(run):
    """Its zeros answer to every id, and their CRC is right."""
    names = {FIRST: "cellar", SECOND: "pond"}
    there = [{FIRST: FAULTY, SECOND: FAULTY}]
    outcomes, _ = one(run, "Ds18b20", 1, {"pin": 5, "probes": names}, probes=there)
    assert outcomes[0][0] == {}
    assert outcomes[0][1]["ds18b20"].count("is the wire held low?") == 2
    nobody = [{"00" * 8: FAULTY}]
    outcomes, _ = one(run, "Ds18b20", 1, {"pin": 5}, probes=nobody)
    assert outcomes == [[{}, {"ds18b20": "no probe answers"}]]


@pytest.mark.parametrize("celsius", [84.9375, 85.0, 85.0625, -0.0625])
def test_probe_that_measured_85_degrees_is_believed(run, celsius):
    outcomes, _ = one(run, "Ds18b20", 1, {"pin": 5}, probes=[{FIRST: celsius}])
    assert outcomes == [[{"probe_temperature": round(celsius, 2)}, {}]]


def test_failed_conversion_is_no_temperature(run):
    """127.94 degrees is what a probe says when its power broke down while it measured."""
    [[readings, absent]], _ = one(run, "Ds18b20", 1, {"pin": 5}, probes=[{FIRST: 127.9375}])
    assert readings == {}
    assert "outside -55 to 125" in absent["ds18b20"]


def test_damaged_id_gives_no_probe_the_name_of_another(run):
    outcomes, _ = one(run, "Ds18b20", 1, {"pin": 5}, probes=[{FIRST[:-1] + "7": 1.0, SECOND: 2.0}])
    assert outcomes == [[{}, {"ds18b20": "an id came damaged: is the wire held low?"}]]
    assert (
        run("sensing.probe_ids", probes={"2" + FIRST[1:-1] + "7": 2.0})
        == "an id came damaged: is the wire held low?"
    )


def test_probes_with_names_of_their_own_keep_them_when_one_goes_missing(run):
    names = {SECOND: "pond", FIRST: "cellar"}
    there = [{FIRST: 1.0, SECOND: 2.0, THIRD: 3.0}, {SECOND: 2.5}, {FIRST: 1.5}]
    outcomes, _ = one(run, "Ds18b20", 3, {"pin": 5, "probes": names}, probes=there)
    assert outcomes == [
        [{"cellar": 1.0, "pond": 2.0}, {}],
        [{"pond": 2.5}, {"ds18b20": "cellar: CRC error"}],
        [{"cellar": 1.5}, {"ds18b20": "pond: CRC error"}],
    ]
    assert run("sensing.probe_ids", probes={SECOND: 2.0, FIRST: 1.0}) == [FIRST, SECOND]


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
    script = [["w", 0x44, "2400"], ["r", 0x44, 6, with_crc("fffe") + "000081"]]
    [[readings, absent]], _ = one(run, "Sht3x", 1, {}, i2c=script)
    assert readings == {"humidity": 0}
    assert absent == {"sht3x": "temperature: 130.0 is outside -40 to 125"}


BME280_IS = ["m", 0x76, 0xD0, 1, "60"]
BME280_RAW = ["m", 0x76, 0xF7, 8, "655ac07edb006d1c"]


def test_bme280_by_the_driver_of_mip(run):
    # What its driver clips to is refused, one end a turn.
    turns = [
        [20.5, 101325.0, 45.25], [-40, 30000, 50.0], [85, 110000, 100.5], "ENODEV",
        [20.5, 95000.0, 45.25],
    ]  # fmt: skip
    script = [BME280_IS, *[BME280_RAW] * 3, BME280_IS, BME280_RAW]
    outcomes, made = one(run, "Bme280", 5, {}, bme280=turns, i2c=script)
    assert outcomes[0] == [{"temperature": 20.5, "humidity": 45.25, "pressure": 1013.25}, {}]
    assert outcomes[1][0] == {"humidity": 50.0}
    assert outcomes[2][0] == {}
    assert outcomes[3] == [{}, {"bme280": "ENODEV"}]
    assert outcomes[4][0]["pressure"] == 950.0
    assert made == ["i2c 22 21", "bme280 118", "bme280 118"]  # set up afresh after the failure


def test_bme280_that_has_not_measured(run):
    script = [BME280_IS, [*BME280_RAW[:-1], "8000008000008000"], BME280_IS, BME280_RAW]
    turns = [[22.5, 85000.0, 100.0], [20.5, 95000.0, 45.25]]
    outcomes, made = one(run, "Bme280", 2, {}, bme280=turns, i2c=script)
    assert outcomes[0] == [{}, {"bme280": "it has not measured: did it lose its power?"}]
    assert outcomes[1][0]["pressure"] == 950.0
    assert len(made) == 3  # set up afresh


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


@pytest.mark.parametrize("esp32", [True, False])
@pytest.mark.parametrize("kind", ["Adc", "Battery", "Percent"])
def test_voltage_at_the_converters_end_is_absent(run, kind, esp32):
    more = {"Adc": {}, "Battery": {"ratio": 2}, "Percent": {"at_0": 0, "at_100": 3300}}[kind]
    raw = [3300000 if esp32 else 65535] * 16
    arguments = {"pin": 34, "name": "x", **more}
    [[readings, absent]], _ = one(run, kind, 1, arguments, adc=raw, esp32=esp32)
    assert (readings, absent) == ({}, {"x": "more voltage than the pin can measure"})


@pytest.mark.parametrize(("millivolts", "there"), [(0, False), (142, False), (160, True)])
def test_divider_without_a_battery_is_no_empty_battery(run, millivolts, there):
    arguments = {"pin": 34, "ratio": 2}
    [[readings, absent]], _ = one(run, "Battery", 1, arguments, adc=[millivolts * 1000] * 16)
    assert (readings == {"battery_voltage": 0.32}) == there
    assert ("is the divider wired" in absent.get("battery_voltage", "")) != there


@pytest.mark.parametrize("millivolts", [0, 700, 3290])
def test_voltage_far_beyond_the_points_is_no_percentage(run, millivolts):
    arguments = {"pin": 34, "name": "soil", "at_0": 2800, "at_100": 1200}
    [[readings, absent]], _ = one(run, "Percent", 1, arguments, adc=[millivolts * 1000] * 16)
    assert readings == {}
    assert "is outside 0 to 100" in absent["soil"]


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
    found, _ = run("sensing.count_pulses", script=["read", 2, ["pass", 60000], "read"], esp32=True,
                   name=None, rate="rain_rate")  # fmt: skip
    assert found == [{}, {"rain_rate": 2}]


def test_counter_wraps_before_it_would_need_memory(run):
    assert run("sensing.wrapping_counter", start=2**30 - 2, pulses=1) == 2**30 - 1
    assert run("sensing.wrapping_counter", start=2**30 - 2, pulses=5) == 3
    assert run("sensing.pulses_of_totals", totals=[2**30 - 2, 3, 3, 10]) == [5, 0, 7]


# What a user adds, and what a board carries


def test_functions_of_a_user_and_what_may_go_wrong_in_them(run):
    readings, absent = run("sensing.own_functions")
    assert readings == {
        "tank_level": 71, "tank_full": 0, "good": 1.5, "depth": 1.25, "edge": 100,
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


# Values in the thing model's own types


@pytest.mark.parametrize(
    ("kind", "arguments", "world"),
    [
        ("Dht11", {"pin": 4}, {"dht": [[21, 40], [21.5, 41], [-0.0, 99]]}),
        ("Dht22", {"pin": 4}, {"dht": [[21, 40], [21.5, 40.5], ["028c80000e"]]}),
        ("Ds18b20", {"pin": 4}, {"probes": [{FIRST: 21}, {FIRST: 21.5}, {FIRST: -0.001}]}),
        ("Bme280", {}, {
            "bme280": [[21, 95000, 100], [21.5, 95000.5, 45.5], [21, 95000, 0]],
            "i2c": [BME280_IS, *[BME280_RAW] * 3],
        }),
        ("Percent", {"pin": 34, "name": "soil", "at_0": 2800, "at_100": 1200},
         {"adc": [2900000] * 16 + [2000000] * 16 + [1100000] * 16}),
        ("Adc", {"pin": 34}, {"adc": [0] * 16 + [1000000] * 16 + [1234000] * 16}),
        ("ChipTemperature", {}, {"chip": ["mcu_temperature", 41]}),
    ],
)  # fmt: skip
def test_what_is_measured_is_a_float_always(run, kind, arguments, world):
    outcomes, _ = one(run, kind, 3, arguments, **world)
    values = [value for readings, _ in outcomes for value in readings.values()]
    assert len(values) >= 3
    # As JSON it has its point: what is 21.0 comes back from the body as a float.
    assert {type(value) for value in values} == {float}
    assert "-0.0" not in map(str, values)


def test_switches_and_counts_are_ints(run):
    arguments = {"pin": 13, "name": "door", "inverted": True}
    outcomes, _ = one(run, "DigitalInput", 2, arguments, levels=[1, 0])
    assert [type(readings["door"]) for readings, _ in outcomes] == [int, int]
    found, _ = run("sensing.count_pulses", script=["read", 2, ["pass", 500], "read"], esp32=True)
    assert [type(found[1][name]) for name in ("pulses", "pulse_rate")] == [int, float]


def test_truth_goes_out_as_0_or_1(run):
    types, absent = run("sensing.types", values={"b": False, "c": 2, "d": 2.0, "e": "on"})
    assert types == {"a": "int", "b": "int", "c": "int", "d": "float", "e": "str"}
    assert absent == []


# Identifiers

WRONG_IDENTIFIERS = [
    "", "room-temp", "温度", "室温1", "1st", "9", "a b", " a", "a" * 51, "température", "a.b",
    "a:b", "ａ", "a\u00a0", "time", "value", "set", "get", "post", "a\n", "x/y",
]  # fmt: skip
RIGHT_IDENTIFIERS = ["a", "_", "_1", "Temperature_2", "a" * 50, "z9", "times", "values"]


def test_identifiers_of_the_thing_model(run):
    assert None not in run("sensing.identifier_faults", names=[*WRONG_IDENTIFIERS, None, 5, ["a"]])
    assert run("sensing.identifier_faults", names=RIGHT_IDENTIFIERS) == [None] * 8


@pytest.mark.parametrize("name", ["room-temp", "温度", "", "1st", 5])
def test_identifier_is_checked_where_it_is_written(run, name):
    pin, probe = {"pin": 4}, {FIRST: name}
    kinds = [
        ["ChipTemperature", {"name": name}],
        ["Dht11", {**pin, "temperature": name}], ["Dht22", {**pin, "humidity": name}],
        ["Ds18b20", {**pin, "temperature": name}], ["Ds18b20", {**pin, "probes": probe}],
        ["Aht20", {"temperature": name}], ["Bme280", {"pressure": name}],
        ["Sht3x", {"humidity": name}], ["Adc", {**pin, "name": name}],
        ["Battery", {**pin, "ratio": 2, "name": name}],
        ["Percent", {**pin, "name": name, "at_0": 0, "at_100": 1}],
        ["DigitalInput", {**pin, "name": name}], ["PulseCounter", {**pin, "name": name}],
        ["PulseCounter", {**pin, "rate": name}],
    ]  # fmt: skip
    for (kind, _), error in zip(kinds, run("sensing.made", kinds=kinds), strict=True):
        assert error and error.startswith("identifier "), (kind, error)


@pytest.mark.parametrize(
    ("kind", "arguments", "said"),
    [
        ("Dht22", {"pin": 4, "temperature": "a", "humidity": "a"}, "two readings have it"),
        ("Dht22", {"pin": 4, "temperature": None, "humidity": None}, "needs an identifier"),
        ("ChipTemperature", {"name": None}, "needs an identifier"),
        ("Ds18b20", {"pin": 4, "probes": {FIRST: "a", SECOND: "a"}}, "two readings have it"),
        ("Ds18b20", {"pin": 4, "probes": {"28xx": "a"}}, "16 hex digits"),
        ("Ds18b20", {"pin": 4, "temperature": "a" * 48}, "1 to 50 characters"),  # no room for _99
        ("Ds18b20", {"pin": 4, "temperature": None}, "needs an identifier"),
        ("Ds18b20", {"pin": 4, "probes": {FIRST[:-1] + "g": "a"}}, "16 hex digits"),
        ("Ds18b20", {"pin": 4, "probes": [FIRST]}, "{id: identifier}"),
        ("Ds18b20", {"pin": 4, "probes": {}}, "needs an identifier"),
        ("Reading", {"name": "a", "function": 21.5}, "the function itself"),
        ("Adc", {"pin": 34, "low": [1, 2], "high": [1, 3]}, "two different millivolts"),
        ("Percent", {"pin": 34, "name": "a", "at_0": 5, "at_100": 5}, "two different millivolts"),
        ("DigitalInput", {"pin": 4, "name": "a", "pull": "UP"}, '"up", "down" or None'),
        ("PulseCounter", {"pin": 4, "pull": True}, '"up", "down" or None'),
    ],
)
def test_argument_that_can_never_work_is_refused_where_it_is_written(run, kind, arguments, said):
    [error] = run("sensing.made", kinds=[[kind, arguments]])
    assert said in error


@pytest.mark.parametrize("name", ["room-temp", "温度", "", "1st", "time"])
def test_wrong_identifier_of_a_plain_function_is_an_absent_reading(run, name):
    types, absent = run("sensing.types", values={name: 1, "good": 2})
    assert types == {"a": "int", "good": "int"}
    assert len(absent) == 1 and absent[0].startswith(name + ": ")


GOOD_CONFIG = """\
import sensors

WATCHDOG_MS = 8000


def attached():
    return (sensors.ChipTemperature(), sensors.Dht22(4), sensors.Reading("free", lambda: 1))
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Dht22(4)", "Dht22(4, 'room-temp')", "board_config.py, line 7: identifier 'room-temp':"),
        ("ChipTemp", "Chiptemp", "board_config.py, line 7: AttributeError: "),
        ("Dht22(4)", "Dht22(pni=4)", "board_config.py, line 7: TypeError: "),
        ("def attached():", "def attached()", "board_config.py, line 6: SyntaxError"),
        ("WATCHDOG_MS = 8000", "bus = I2c(1, 2)", "board_config.py, line 3: NameError: "),
        ("import sensors", "import sensor", "board_config.py, line 1: "),
        ("WATCHDOG_MS = 8000", "", "board_config.py: give WATCHDOG_MS"),
        ("8000", "None", "board_config.py: give WATCHDOG_MS"),
        ("def attached", "def attach", "board_config.py: give a function attached()"),
        ('"free"', '"humidity"', "'humidity' of humidity: dht22 has it too; give one of them an"),
        ("sensors.Dht22(4)", "sensors.Dht22", "attached() returns the class Dht22, which is no"),
        ("sensors.Dht22(4)", "None", "attached() returns NoneType, which is no sensor"),
        ("(sensors.ChipTemperature(), sensors.Dht22(4), sensors.Reading(\"free\", lambda: 1))",
         "(sensors.ChipTemperature())", "must return a list of sensors, not ChipTemperature"),
        ("    return (", "    return  # (", "must return a list of sensors, not NoneType"),
    ],
)  # fmt: skip
def test_error_names_the_line_of_board_config(run, tmp_path, old, new, said):
    assert old in GOOD_CONFIG
    (tmp_path / "board_config.py").write_text(GOOD_CONFIG.replace(old, new))
    shown = run("sensing.config_error", folder=str(tmp_path))
    assert said in shown
    assert "\n" not in shown
    assert shown.startswith("board_config.py")


@pytest.mark.parametrize(
    "limits", ["{'humidity': (0, 100)}", "{'room-temp': (0, 1)}", "{5: (0, 1)}"]
)
def test_identifiers_that_a_users_own_sensor_shows_are_checked_too(run, tmp_path, limits):
    own = f"class Own:\n    limits = {limits}\n    def read(self):\n        return {{}}\n"
    text = GOOD_CONFIG.replace("\n\ndef", "\n" + own + "\ndef")
    (tmp_path / "board_config.py").write_text(text.replace("(4),", "(4), Own(),"))
    shown = run("sensing.config_error", folder=str(tmp_path))
    assert shown.startswith("board_config.py: identifier ") and "of Own: " in shown


def test_right_board_config(run, tmp_path):
    (tmp_path / "board_config.py").write_text(GOOD_CONFIG)
    shown = run("sensing.config_error", folder=str(tmp_path))
    assert shown == ["chip_temperature", "dht22", "free"]


@pytest.mark.parametrize(("more", "keeps"), [("", False), (", lambda: {'own': 1}", True)])
def test_rule_for_identifiers_stays_in_ram_only_for_who_needs_it(run, tmp_path, more, keeps):
    text = GOOD_CONFIG.replace("lambda: 1))", "lambda: 1)" + more + ")")
    (tmp_path / "board_config.py").write_text(text)
    run.apart = True
    assert run("sensing.keeps_the_rule", folder=str(tmp_path)) == keeps


def test_error_that_may_pass_is_not_taken_for_a_mistake(run, tmp_path):
    """A sensor that does not answer while it is made: the next start may do better."""
    text = GOOD_CONFIG.replace("    return", "    raise OSError(19)\n    return")
    (tmp_path / "board_config.py").write_text(text)
    assert run("sensing.config_error", folder=str(tmp_path)).startswith("passing: ")


def test_board_loads_only_what_it_reads(run):
    run.apart = True
    found = run("sensing.loaded")
    assert "sensors" in found
    heavy = {
        "sensors_i2c", "sensors_pins", "aiot_port.wires", "aiot_hygrometers",
        "aiot_frames", "machine",
    }  # fmt: skip
    assert not heavy & set(found)


# CircuitPython's port, with circup's drivers as fakes: CPython lacks the modules under them.


class Files:
    """Several modules as one."""

    def __init__(self, modules):
        self.modules = modules

    def __getattr__(self, name):
        return [getattr(module, name) for module in self.modules if hasattr(module, name)][0]

    def let_sleep_be(self, sleep, monkeypatch):
        for module in self.modules:
            monkeypatch.setattr(module, "time", types.SimpleNamespace(sleep=sleep))


def _port_file(part):
    path = PORTS / "circuitpython" / f"{part}.py"
    spec = importlib.util.spec_from_file_location("port", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def circuitpython(monkeypatch):
    """The port files of CircuitPython, and a function by which tests put what a board has."""
    sensors = _port_file("sensors")
    monkeypatch.setitem(sys.modules, "aiot_port.sensors", sensors)
    port = Files([sensors, _port_file("wires")])

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


@pytest.mark.parametrize("kind", ["Adc", "Battery"])
def test_circuitpython_voltage_at_the_converters_end(circuitpython, kind):
    port, provide = circuitpython
    source = types.SimpleNamespace(value=65535, reference_voltage=3.3)
    provide("analogio", AnalogIn=lambda pin: source)
    with pytest.raises(OSError, match="more voltage than the pin can measure"):
        port.adc(1)()


class DhtDriver:
    """As adafruit_dht 4.0: DHT11 without its sign, and a frame of which only two values show."""

    sent = ""

    def __init__(self, pin):
        assert pin == "pin 4"

    def _pulses_to_binary(self, pulses, start, stop):
        return pulses[start // 16]

    def measure(self):
        if not self.sent:
            raise RuntimeError("DHT sensor not found, check wiring")
        pulses = bytes.fromhex(self.sent)
        frame = [self._pulses_to_binary(pulses, at, at + 16) for at in range(0, 80, 16)]
        if sum(frame[:4]) & 0xFF != frame[4]:
            raise RuntimeError("Checksum did not validate. Try again.")


@pytest.mark.parametrize(
    ("kind", "sent", "found"),
    [
        ("dht11", summed("35000a81"), (-10.1, 53)),
        ("dht22", summed("028cffe9"), (-2.3, 65.2)),
        ("dht11", "00" * 5, "held low"),
        ("dht22", "00" * 5, "held low"),
        ("dht22", "ff" * 5, "Checksum did not validate"),
        ("dht22", "", "not found"),
    ],
)
def test_circuitpython_dht(circuitpython, monkeypatch, kind, sent, found):
    port, provide = circuitpython
    provide("adafruit_dht", DHT11=DhtDriver, DHT22=DhtDriver)
    monkeypatch.setattr(DhtDriver, "sent", sent)
    read = getattr(port, kind)(4)
    if isinstance(found, tuple):
        assert read() == pytest.approx(found)
    else:
        with pytest.raises((OSError, RuntimeError), match=found):
            read()


class Busio:
    """As busio.I2C, by the script of sensing.Bus: nothing goes without a lock."""

    def __init__(self, script):
        self.script = Bus(script)
        self.locked = self.taken = False

    def try_lock(self):
        assert not self.locked
        self.locked = not self.taken
        return self.locked

    def unlock(self):
        assert self.locked
        self.locked = False

    def writeto(self, address, data):
        assert self.locked
        self.script.writeto(address, data)

    def readfrom_into(self, address, buffer):
        assert self.locked
        buffer[:] = self.script.readfrom(address, len(buffer))

    def writeto_then_readfrom(self, address, written, buffer):
        assert self.locked
        buffer[:] = self.script.readfrom_mem(address, written[0], len(buffer))


def test_circuitpython_i2c(circuitpython, monkeypatch):
    port, provide = circuitpython
    made = []
    values = types.SimpleNamespace(temperature=20.5, relative_humidity=100, pressure=1013.25)
    provide("busio", I2C=lambda scl, sda: (scl, sda))
    provide("adafruit_bme280")
    provide(
        "adafruit_bme280.basic", Adafruit_BME280_I2C=lambda *given: made.append(given) or values
    )
    assert port.i2c(22, 21) == ("pin 22", "pin 21")
    unmeasured = [*BME280_RAW[:-1], "8000008000008000"]
    bus = Busio([*AHT20, *SHT3X, BME280_RAW, unmeasured, ["w", 0x44, "2400", "nack"]])
    port.let_sleep_be(lambda s: bus.script.sleep_ms(round(s * 1000)), monkeypatch)
    assert port.aht20(bus)() == pytest.approx(AHT20_RECORDED[0][1:], abs=0.0005)
    read = port.sht3x(bus, 0x44)
    assert read() == pytest.approx((85.523, 74.584), abs=0.001)
    measure = port.bme280(bus, 0x76)
    assert measure() == (20.5, 100, 1013.25)
    with pytest.raises(OSError, match="has not measured"):
        measure()
    assert made == [(bus, 0x76)]
    with pytest.raises(OSError, match="19"):
        read()
    assert not bus.locked and not bus.script.script
    bus.taken = True
    with pytest.raises(OSError, match="something else uses the I2C bus"):
        read()


class Probes:
    """As adafruit_onewire.bus.OneWireBus, with probes {id: degrees, or a scratchpad in hex}."""

    there = {}
    low = False  # held low: zeros answer to every id

    def __init__(self, pin):
        assert pin == "pin 5"
        self.measured = {}
        self.asked = b""

    def reset(self, required=False):
        self.asked = b""
        if required and not (self.there or self.low):
            raise RuntimeError("No presence pulse found. Check devices and wiring.")

    def write(self, data):
        self.asked += data
        if self.asked == b"\xcc\x44":
            self.measured = {rom: scratchpad(value) for rom, value in self.there.items()}

    def readinto(self, buffer):
        assert self.asked[:1] + self.asked[9:] == b"\x55\xbe"
        if self.low:
            buffer[:] = bytes(9)
        elif self.asked[1:9].hex() in self.there:
            power_on = bytes.fromhex(POWER_ON[0])
            buffer[:] = self.measured.get(self.asked[1:9].hex(), power_on)
        else:
            buffer[:] = b"\xff" * 9

    def scan(self):
        roms = [*self.there, NO_THERMOMETER]
        return [types.SimpleNamespace(rom=bytearray.fromhex(rom)) for rom in roms][::-1]

    crc8 = staticmethod(crc8)


@pytest.fixture
def probes(circuitpython, monkeypatch):
    port, provide = circuitpython
    provide("adafruit_onewire")
    provide("adafruit_onewire.bus", OneWireBus=Probes)
    monkeypatch.setattr(Probes, "there", {FIRST: 1.0, SECOND: -2.0})
    naps = []
    port.let_sleep_be(naps.append, monkeypatch)
    return port, naps


def test_circuitpython_probes(probes):
    port, naps = probes
    read = port.ds18b20(5)
    assert read() == [1.0, -2.0]
    found = read([SECOND, THIRD, FIRST])
    assert found[::2] == [-2.0, 1.0]
    assert str(found[1]) == "CRC error"
    assert naps == [0.75, 0.75]
    assert port.ds18b20_ids(5) == [FIRST, SECOND]
    Probes.there.clear()
    assert read() == []
    assert naps == [0.75, 0.75]
    with pytest.raises(RuntimeError, match="No presence"):
        read([FIRST])


def test_circuitpython_probes_on_a_wire_that_is_held_low(probes, monkeypatch):
    port, _ = probes
    monkeypatch.setattr(Probes, "low", True)
    assert ["held low" in str(found) for found in port.ds18b20(5)([FIRST, SECOND])] == [True] * 2


def test_circuitpython_damaged_id(probes):
    port, _ = probes
    Probes.there[FIRST[:-1] + "7"] = 3.0
    with pytest.raises(OSError, match="an id came damaged"):
        port.ds18b20(5)()


def test_the_desk_has_no_sensors():
    from aiot_port import sensors, wires

    bus = None
    calls = [
        lambda: sensors.chip_temperature(), lambda: wires.i2c(1, 2), lambda: wires.adc(1),
        lambda: wires.digital_input(1, None), lambda: wires.pulse_counter(1, None),
        lambda: sensors.dht11(1), lambda: sensors.dht22(1), lambda: sensors.ds18b20(1),
        lambda: sensors.ds18b20_ids(1), lambda: wires.aht20(bus),
        lambda: wires.bme280(bus, 0x76), lambda: wires.sht3x(bus, 0x44),
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


def copy_sensors(board):
    """Bring the library and the sensors' files onto a board."""
    for folder, paths in sorted(board.facts.install.items()):
        if folder != ":":
            mpremote(board, "resume", "exec", f"import os; os.mkdir('{folder[1:]}')")
        files = [str(ROOT / path) for path in paths if not path.endswith("main.py")]
        mpremote(board, "fs", "cp", *files, folder + "/")


@needs_micropython
@pytest.mark.slow
def test_sensors_of_a_virtual_board(each_board):
    copy_sensors(each_board)
    code = ON_BOARD.format(adc=34 if each_board.facts.platform == "esp32" else 26)
    for readings, absent in value(each_board, code):
        assert absent == {}
        celsius, percent = (tenths / 10 for tenths in each_board.weather())
        assert readings == {
            "chip_temperature": pytest.approx(celsius, abs=0.6),
            "temperature": celsius,
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
    assert sorted(absent) == ["aht20", "battery_voltage", "sht3x", "soil_moisture"]
    assert "probe_temperature" in readings


BELOW_ZERO = """
import dht, machine, sensors
attached = sensors.Dht11(15), sensors.Dht22(15, "t22", "h22"), sensors.Ds18b20(4)
driver = dht.DHT11(machine.Pin(15))
driver.measure()
print(sensors.read_all(attached) + (driver.temperature(),))
"""


@needs_micropython
@pytest.mark.slow
def test_sensors_of_a_virtual_board_below_zero(tmp_path, monkeypatch):
    monkeypatch.setattr(weather, "rows", lambda: [(-61, 594)])
    with Board(tmp_path / "x.img", "ESP32_GENERIC") as board:
        copy_sensors(board)
        readings, absent, drivers = value(board, BELOW_ZERO)
    assert absent == {}
    assert readings == {
        "temperature": -6.1, "humidity": 59.0, "t22": -6.1, "h22": 59.4,
        "probe_temperature": pytest.approx(-6.1, abs=0.04),
    }  # fmt: skip
    assert drivers == 6  # what the firmware's driver would have said
