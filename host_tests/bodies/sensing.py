# SPDX-License-Identifier: MIT
"""Sensors from board_config.py's call down to the pins, which are scripted here.

The port is MicroPython's under both interpreters; only the modules of a board's firmware are
fakes. They are strict: what a board would refuse they refuse.
"""

import binascii
import sys

ENODEV = 19  # nobody acknowledged
ETIMEDOUT = 110  # a wire is stuck


class Modules:
    """While this is entered, these modules are those that `import` finds."""

    def __init__(self, modules):
        self._modules = modules
        self._hidden = {}

    def __enter__(self):
        for name in self._modules:
            if name in sys.modules:
                self._hidden[name] = sys.modules[name]
            sys.modules[name] = self._modules[name]

    def __exit__(self, *_):
        for name in self._modules:
            del sys.modules[name]
        sys.modules.update(self._hidden)


class Micropython:
    """What the port file needs of the module that CPython lacks."""

    @staticmethod
    def const(value):
        return value


def ports():
    """Return MicroPython's port files: those of sensors and of wires."""
    if sys.implementation.name == "micropython":
        from aiot_port import sensors, wires
    else:
        with Modules({"micropython": Micropython}):
            from aiot_port.micropython import sensors, wires
    return sensors, wires


# I2C by script


class Bus:
    """An I2C bus that knows what comes next: any other call, order, address or length fails.

    A step is ["w", address, hex], ["r", address, length, hex], ["m", address, register, length,
    hex] for a register, or ["sleep", ms]. A last word of "nack" or "stuck" instead of the hex, or
    after it, makes the call fail as on a board.
    """

    def __init__(self, script):
        self.script = list(script)

    def _step(self, *call):
        assert self.script, "nothing more was to come, but: %r" % (call,)
        step = self.script.pop(0)
        assert list(call) == step[: len(call)], "expected %r, got %r" % (step, call)
        answer = step[-1] if len(step) > len(call) else ""
        if answer in ("nack", "stuck"):
            raise OSError(ENODEV if answer == "nack" else ETIMEDOUT)
        return binascii.unhexlify(answer)

    def writeto(self, address, data):
        self._step("w", address, binascii.hexlify(data).decode())
        return len(data) + 1

    def readfrom(self, address, length):
        return self._step("r", address, length)

    def readfrom_mem(self, address, register, length):
        return self._step("m", address, register, length)

    def sleep_ms(self, ms):
        self._step("sleep", ms)


def _open(kind, address, bus):
    import aiot_hygrometers

    if kind == "aht20":
        return aiot_hygrometers.aht20(bus, bus.sleep_ms)
    return aiot_hygrometers.sht3x(bus, bus.sleep_ms, address)


def measure(kind, script, address=None):
    """Measure once; return ([degrees, percent] or the error in words, the steps left over)."""
    bus = Bus(script)
    try:
        found = list(_open(kind, address, bus)())
    except OSError as error:
        found = str(error)
    except IndexError:
        found = "short"
    return [found, len(bus.script)]


def measure_damaged(kind, script, first, address=None):
    """Flip each bit of the last answer from byte `first` on; return how often that was noticed."""
    noticed = 0
    frame = binascii.unhexlify(script[-1][-1])
    for bit in range(first * 8, len(frame) * 8):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        last = script[-1][:-1] + [binascii.hexlify(damaged).decode()]
        found, _ = measure(kind, script[:-1] + [last], address)
        noticed += found == "CRC error"
    return [noticed, (len(frame) - first) * 8]


def meaning(kind, frame):
    """Return what aiot_frames.py makes of a frame in hex, or the error in words.

    `kind` is "dht11" or "dht22", the family of an id in hex, or "bme280".
    """

    data = bytearray(binascii.unhexlify(frame))
    import aiot_frames
    import aiot_hygrometers

    try:
        if kind == "bme280":
            aiot_hygrometers.check_bme280(data)
            return None
        if kind[:3] == "dht":
            return list(getattr(aiot_frames, kind)(data))
        return aiot_frames.ds18x20(int(kind, 16), data)
    except OSError as error:
        return str(error)


def crc8(data):
    """Return the CRC of 1-Wire, as the firmware's onewire does."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def scratchpad(celsius):
    """Return what a DS18B20 holds after it measured this."""
    sixteenths = round(celsius * 16) & 0xFFFF
    pad = bytes((sixteenths & 0xFF, sixteenths >> 8, 0x4B, 0x46, 0x7F, 0xFF))
    pad += bytes((16 - sixteenths % 16, 0x10))
    return pad + bytes((crc8(pad),))


def dht_frame(kind, celsius, percent):
    """Return what a DHT sends for this, in bytes."""
    size, humidity = abs(round(celsius * 10)), round(percent * 10)
    sign = 0x80 if celsius < 0 else 0
    if kind == "DHT11":
        data = bytes((humidity // 10, 0, size // 10, size % 10 | sign))
    else:
        data = bytes((humidity >> 8, humidity & 0xFF, size >> 8 | sign, size & 0xFF))
    return data + bytes((sum(data) & 0xFF,))


# A board by script


class World:
    """The firmware's modules of a board, with what its sensors tell in turn.

    `esp32` and `rp2` say which; `chip` is what its thermometer tells. `adc` is in raw counts or
    microvolts, `dht` in [degrees, percent] or [a frame in hex], `probes` in {id: degrees} or {id:
    [a scratchpad in hex]}, `bme280` in [degrees, pascals, percent], each a list of turns; text in
    place of a value is an error with that text.
    """

    def __init__(
        self, chip=None, adc=(), levels=(), dht=(), probes=(), bme280=(), i2c=(), esp32=True
    ):
        self.turns = {"adc": list(adc), "levels": list(levels), "dht": list(dht)}
        self.turns["probes"] = list(probes)
        self.turns["bme280"] = list(bme280)
        self.bus = Bus(i2c)
        self.made = []  # what was opened, in order
        self.slept = []
        self.handlers = []
        self.now = 0
        self.modules = _machine(self, esp32, chip)
        self.modules.update(_drivers(self))

    def next(self, kind):
        value = self.turns[kind].pop(0)
        if isinstance(value, str):
            raise OSError(value)
        return value

    def sleep_ms(self, ms):
        self.slept.append(ms)


def _machine(world, on_esp32, chip):
    """Return the modules `machine`, and `esp32` where the chip has one with a thermometer."""

    class Machine:
        Pin = _pin(world, on_esp32)
        ADC = _adc(world, on_esp32)

        @staticmethod
        def SoftI2C(scl, sda, freq):  # noqa: N802 - MicroPython's name
            assert freq <= 100000
            world.made.append("i2c %d %d" % (scl.number, sda.number))
            return world.bus

    modules = {"machine": Machine}
    if chip is not None:
        modules["esp32"] = type("Esp32", (), {chip[0]: staticmethod(lambda: chip[1])})
    return modules


def _pin(world, on_esp32):
    class Pin:
        IN, PULL_UP, PULL_DOWN, IRQ_FALLING = 0, 1, 2, 4

        def __init__(self, number, mode=-1, pull=-1):
            assert isinstance(number, int)
            self.number = number
            if mode != -1:
                assert mode == Pin.IN
                world.made.append("pin %d pull %s" % (number, pull))

        def value(self):
            return world.next("levels")

        def irq(self, handler, trigger, **options):
            if on_esp32 and options:
                raise TypeError("extra keyword arguments given")
            assert trigger == Pin.IRQ_FALLING
            world.made.append("irq %s" % sorted(options.items()))
            world.handlers.append(handler)

    return Pin


def _adc(world, on_esp32):
    class Adc:
        def __init__(self, source, **options):
            assert options == ({"atten": 3} if on_esp32 else {})
            world.made.append("adc %d" % getattr(source, "number", source))

        def _read(self):
            return world.next("adc")

        def _look(self):
            return min(65535, world.turns["adc"][0] * 65535 // 3300000)

    if on_esp32:
        Adc.ATTN_11DB = 3
        Adc.read_uv = Adc._read
        Adc.read_u16 = Adc._look
    else:
        Adc.read_u16 = Adc._read
    return Adc


def _drivers(world):
    """Return the modules of the drivers."""

    class OneWire:
        def __init__(self, pin):
            world.made.append("wire %d" % pin.number)
            self.there = None

        def scan(self):
            self.there = world.next("probes")
            return [bytearray(binascii.unhexlify(rom)) for rom in self.there]

        crc8 = staticmethod(crc8)

    class BME280:
        def __init__(self, mode=4, address=0x76, i2c=None):
            assert i2c is world.bus
            world.made.append("bme280 %d" % address)

        def read_compensated_data(self):
            return world.next("bme280")

    modules = {}
    for name, members in (
        ("dht", {"DHT11": _dht(world, "DHT11"), "DHT22": _dht(world, "DHT22")}),
        ("onewire", {"OneWire": OneWire}),
        ("ds18x20", {"DS18X20": _ds18x20(world)}),
        ("bme280_float", {"BME280": BME280}),
    ):
        modules[name] = type(name, (), members)
    return modules


def _dht(world, name):
    class Dht:
        """As the firmware's: it looks at the checksum, and DHT11 knows no sign."""

        def __init__(self, pin):
            world.made.append("%s %d" % (name, pin.number))
            self.buf = bytearray(5)

        def measure(self):
            found = world.next("dht")
            raw = len(found) == 1
            self.buf[:] = binascii.unhexlify(found[0]) if raw else dht_frame(name, *found)
            if sum(self.buf[:4]) & 0xFF != self.buf[4]:
                raise Exception("checksum error")

        def temperature(self):
            if name == "DHT11":
                return self.buf[2]
            size = ((self.buf[2] & 0x7F) << 8 | self.buf[3]) * 0.1
            return -size if self.buf[2] & 0x80 else size

        def humidity(self):
            return self.buf[0] if name == "DHT11" else (self.buf[0] << 8 | self.buf[1]) * 0.1

    return Dht


def _ds18x20(world):
    class DS18X20:
        """As the firmware's: it looks at the CRC and at nothing else."""

        def __init__(self, wire):
            self.ow = wire

        def scan(self):
            return [rom for rom in self.ow.scan() if rom[0] in (0x10, 0x22, 0x28)]

        def convert_temp(self):
            found = self.ow.there  # None where nobody searched: they are asked for by their ids
            self.measured = world.next("probes") if found is None else found
            self.ow.there = None

        def read_scratch(self, rom):
            found = self.measured.get(binascii.hexlify(rom).decode(), "CRC error")
            if isinstance(found, str):
                raise Exception(found)
            pad = binascii.unhexlify(found[0]) if isinstance(found, list) else scratchpad(found)
            if crc8(pad):
                raise Exception("CRC error")
            return bytearray(pad)

        def read_temp(self, rom):
            pad = self.read_scratch(rom)
            sixteenths = pad[1] << 8 | pad[0]
            return (sixteenths - 0x10000 if sixteenths & 0x8000 else sixteenths) / 16

    return DS18X20


class Wired:
    """While this is entered, the firmware's sensors are on this world's pins."""

    def __init__(self, world):
        import sensors
        import sensors_i2c
        import sensors_pins

        self._files = (sensors, sensors_i2c, sensors_pins)
        chips, wires = ports()
        self._ports = chips, wires, wires
        self._world = world
        self._modules = Modules(world.modules)

    def __enter__(self):
        self._real = [file.aiot_port for file in self._files]
        for file, port in zip(self._files, self._ports):
            file.aiot_port = port
        self._time = self._ports[0].time
        for port in self._ports[:2]:
            port.time = self._world
        self._modules.__enter__()
        return self._files

    def __exit__(self, *rest):
        self._modules.__exit__()
        for port in self._ports[:2]:
            port.time = self._time
        for file, real in zip(self._files, self._real):
            file.aiot_port = real


def _attached(files, kinds):
    """Make sensors of [class, arguments]; those that take a bus get the one of pins 22 and 21."""
    bus = files[1].I2c(scl=22, sda=21)
    made = []
    for name, arguments in kinds:
        kind = [getattr(file, name) for file in files if hasattr(file, name)][0]
        made.append(
            kind(bus, **arguments) if name in ("Aht20", "Bme280", "Sht3x") else kind(**arguments)
        )
    return made


def read(kinds, turns=1, without=(), **world):
    """Read sensors in turns; return ([readings, absent] of each, what was opened, the naps)."""
    world = World(**world)
    for name in without:
        del world.modules[name]
    outcomes = []
    with Wired(world) as files:
        attached = _attached(files, kinds)
        for _ in range(turns):
            outcomes.append(files[0].read_all(attached))
    assert not world.bus.script, "not asked for: %r" % world.bus.script
    return [outcomes, world.made, world.slept]


def probe_ids(probes):
    """Return the ids as a user finds them out, or the error in words."""
    world = World(probes=[probes])
    with Modules(world.modules):
        try:
            return ports()[0].ds18b20_ids(5)
        except OSError as error:
            return str(error)


def count_pulses(script, esp32, **arguments):
    """Let pulses come and read; return the readings and how the counter was set up.

    `script` is of numbers of pulses, of "read" and of ["pass", ms]. Each pulse comes with the
    heap locked where that can be done, as in a hard interrupt.
    """
    world = World(esp32=esp32)
    lock, unlock = _heap_locks()
    found = []
    with Wired(world) as files, Ticks(files[2], world):
        counter = files[2].PulseCounter(pin=27, **arguments)
        for step in script:
            if step == "read":
                found.append(counter.read())
            elif isinstance(step, list):
                world.now += step[1]
            else:
                handler = world.handlers[0]
                for _ in range(step):
                    lock()
                    handler(None)
                    unlock()
    return [found, world.made]


class Ticks:
    """While this is entered, a file's clock is the world's."""

    def __init__(self, file, world):
        self._file = file
        self._world = world

    def __enter__(self):
        self._real = self._file.ticks_ms, self._file.ticks_diff
        self._file.ticks_ms = lambda: self._world.now
        self._file.ticks_diff = lambda later, earlier: later - earlier

    def __exit__(self, *_):
        self._file.ticks_ms, self._file.ticks_diff = self._real


def _heap_locks():
    if sys.implementation.name != "micropython":
        return (lambda: None), (lambda: None)
    import micropython

    return micropython.heap_lock, micropython.heap_unlock


def wrapping_counter(start, pulses):
    """Return what the port's counter shows so many pulses after it showed `start`."""
    counter = ports()[1]._Pulses()
    counter._count = start
    for _ in range(pulses):
        counter.add(None)
    return counter.total()


def pulses_of_totals(totals):
    """Return the pulses of readings between which the port's counter shows these."""
    import sensors_pins

    totals = list(totals)

    class Port:
        @staticmethod
        def pulse_counter(pin, pull):
            return lambda: totals.pop(0)

    real = sensors_pins.aiot_port
    sensors_pins.aiot_port = Port
    try:
        counter = sensors_pins.PulseCounter(pin=27, rate=None)
        counter.read()
        return [counter.read()["pulses"] for _ in range(len(totals))]
    finally:
        sensors_pins.aiot_port = real


# Readings that are no sensor's


def own_functions():
    """Read what a user may write into attached(); return what read_all returns."""
    import sensors

    def tank():
        return {"tank_level": 71, "tank_full": False}

    def broken():
        raise ValueError("no echo")

    def nan():
        return {"x": float("nan")}

    def mixed():
        return {"good": 1.5, "bad": float("inf"), "worse": b"1", "worst": None}

    one = sensors.Reading
    attached = (
        tank,
        broken,
        nan,
        mixed,
        one("depth", lambda: 1.25),
        one("low", lambda: -0.5, 0, 100),
        one("high", lambda: 100.5, 0, 100),
        one("edge", lambda: 100, 0, 100),
        one("not_a_number", lambda: float("nan"), 0, 100),
        one("raising", broken),
        one("good", lambda: 2),
        None,
    )
    return sensors.read_all(attached)


def types(values):
    """Return the types, by name, in which a function's values go out, and why others do not."""
    import sensors

    readings, absent = sensors.read_all([sensors.Reading("a", lambda: True), lambda: values])
    return [{name: type(readings[name]).__name__ for name in readings}, list(absent.values())]


def made(kinds):
    """Make sensors of [class, arguments]; return the error of each in words, None without one."""
    import sensors
    import sensors_i2c
    import sensors_pins
    from aiot_errors import AiotError

    found = []
    for name, arguments in kinds:
        try:
            _attached((sensors, sensors_i2c, sensors_pins), [[name, arguments]])
            found.append(None)
        except AiotError as error:
            found.append(str(error))
    return found


def identifier_faults(names):
    """Return what is wrong with each of these identifiers, None where nothing is."""
    import identifiers

    return [identifiers.fault(name) for name in names]


def config_error(folder):
    """Return what the start says of the board_config.py in a folder: an error, or the sensors."""
    import wiring
    from aiot_errors import AiotError

    sys.path.insert(0, folder)
    sys.modules.pop("board_config", None)
    try:
        return [getattr(sensor, "name", "") for sensor in wiring.attached(wiring.config())]
    except AiotError as error:
        return str(error)
    except OSError as error:
        return "passing: %s" % error
    finally:
        del sys.path[0]
        sys.modules.pop("board_config", None)


def keeps_the_rule(folder):
    """Return whether a board keeps the rule for identifiers in RAM once its sensors are made."""
    config_error(folder)
    return "identifiers" in sys.modules


def loaded():
    """Return the modules that are there after a board_config.py made the usual sensors."""
    import sensors

    sensors.ChipTemperature(), sensors.Dht22(pin=4), sensors.Ds18b20(pin=5)
    return sorted(sys.modules)
