# SPDX-License-Identifier: MIT
"""Findings that are no mistakes, each with its reason. One that is found no more is an error."""

KNOWN = (
    # (file, part of mypy's message, why it is right all the same)
    (
        "firmware/settings.py",
        'module named "settings_on_circuitpython"',
        "reached only where the runtime reads settings.toml itself",
    ),
    (
        "lib/aiot_port/micropython/base.py",
        '"SSLContext" has no attribute "verify_mode"',
        "MicroPython has it since 1.19; the stubs forget it",
    ),
    (
        "lib/aiot_port/circuitpython/base.py",
        'Module has no attribute "mem_free"',
        "CircuitPython has it; its stubs leave gc to CPython's",
    ),
    (
        "lib/aiot_port/micropython/sensors.py",
        'Module has no attribute "raw_temperature"',
        "reached only where hasattr found no mcu_temperature",
    ),
    (
        "lib/aiot_port/micropython/wires.py",
        '"ADC" has no attribute "read_uv"',
        "reached only where hasattr found attenuations, on an ESP32",
    ),
    (
        "lib/aiot_port/micropython/wires.py",
        'module named "bme280_float"',
        "a driver that its user installs",
    ),
    (
        "lib/aiot_port/circuitpython/drive.py",
        'Module has no attribute "pin"',
        "it names the chip's own pins, of which the stubs tell nothing",
    ),
    (
        "lib/aiot_port/circuitpython/sensors.py",
        'Module has no attribute "pin"',
        "it names the chip's own pins, of which the stubs tell nothing",
    ),
    (
        "lib/aiot_port/circuitpython/board.py",
        'Missing positional argument "value" in call to "print_exception"',
        "it may be left out, say the stubs' own words beside the signature",
    ),
    (
        "lib/aiot_port/circuitpython/sensors.py",
        'Missing positional argument "value" in call to "format_exception"',
        "it may be left out, say the stubs' own words beside the signature",
    ),
    (
        "firmware/sensors_pins.py",
        'expression has type "_TicksMs"',
        "a tick is an int, which MicroPython's stubs hide",
    ),
    (
        "lib/aiot_conn.py",
        "Module has no attribute",
        "the kept socket, which is not used where a port has its own_connection",
    ),
    (
        "lib/aiot_purehash.py",
        '"_BlockHash" has no attribute',
        "its subclasses have it",
    ),
)
