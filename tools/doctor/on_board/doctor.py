# SPDX-License-Identifier: MIT
"""Runs on the board for `tools/doctor`: examines its way to the platform, check by check.

It prints lines `doctor NAME STATE DETAIL`. STATE is "begins", then "ok" or "failed"; "is" tells
a fact. It uses the firmware's own modules, so that what works here works there. No line shows
the DeviceSecret, the token or the Wi-Fi password, nor the name of the network.
"""

import gc
import io
import sys
import time

if hasattr(gc, "threshold"):  # as micropython/main.py: it keeps the heap in one piece
    gc.threshold(8192)

DNS_MS = 10000  # as the firmware has it for opening a connection, of which DNS gets half
POLL_MS = 250  # between two looks at the radio
SHORTEST_SECRET = 4  # characters; to hide a shorter one would make the text unreadable

# Errors whose text is written for users, and needs no name before it.
IN_WORDS = (
    "CheckError",
    "SettingsError",
    "AiotError",
    "NetworkError",
    "ReplyError",
    "PlatformError",
)


class CheckError(Exception):
    """A check found something wrong; the message says what."""


class NewToken:
    """A store that shows no token, so that the client signs in, and keeps the new one."""

    def __init__(self, store):
        self.save = store.save

    def load(self):
        """Return what no token file holds."""
        return b""


class Stream:
    """A TLS stream that tells when the server was verified: at its first write that gets on."""

    def __init__(self, stream, verified):
        self._stream = stream
        self._verified = verified
        self.readinto = stream.readinto
        self.wait = stream.wait
        self.close = stream.close

    def write(self, view):
        """Write as the stream does."""
        count = self._stream.write(view)
        if count is not None and self._verified:
            self._verified()
            self._verified = None
        return count


class Doctor:
    """One examination; `wifi_ms` is how long to wait for the network, in milliseconds."""

    def __init__(self, wifi_ms):
        self._wifi_ms = wifi_ms
        self._secrets = []
        self._check = None  # the one under way

    def say(self, name, state, detail=""):
        """Print one line, without secrets."""
        text = str(detail)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = " ".join(text.split())
        for secret in self._secrets:  # one with two blanks may have come with one
            text = text.replace(" ".join(secret.split()), "***")
        print("doctor", name, state, text)

    def begin(self, check):
        """Begin a check."""
        self._check = check
        self.say(check, "begins")

    def go_on(self, detail, following):
        """End the check under way well, and begin the next."""
        self.say(self._check, "ok", detail)
        self.begin(following)

    def run(self, check, examine):
        """Do one check; return whether it went well."""
        self.begin(check)
        try:
            detail = examine()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            self.say(self._check, "failed", described(error))
            return False
        self.say(self._check, "ok", detail)
        return True

    def examine(self):
        """Do all checks, as far as each makes the next one possible."""
        self.tell_memory("at the start")
        if not (self.run("library", self.library) and self.run("settings", self.read_settings)):
            return
        self.tell_memory("with the library")
        if not self.run("wifi", self.join):
            return
        named = self.run("dns", self.look_up)
        self.run("clock", self.set_clock)
        if not named:
            return
        if self.run("connection", self.sign_in):
            self.run("report", self.report)
        self._client.close()

    def tell_memory(self, when):
        """Tell how much memory is free."""
        gc.collect()
        self.say("memory", "is", "{} bytes free {}".format(gc.mem_free(), when))

    def library(self):
        """Import the library and the firmware's modules."""
        import aiot_http  # isort: skip - the largest first: it needs most memory to compile
        import aiot_ca
        import aiot_conn  # noqa: F401 - the client loads it, and the next two, when it needs them
        import aiot_names  # noqa: F401
        import aiot_port
        import aiot_signing  # noqa: F401
        import aiot_store
        import sensors
        import settings
        import timekeeping
        from aiot_port import board

        self._http, self._ca = aiot_http, aiot_ca
        self._port, self._store = aiot_port, aiot_store
        self._sensors, self._settings_file, self._board = sensors, settings, board
        self._timekeeping = timekeeping
        return "version " + getattr(aiot_http, "__version__", "unknown")

    def read_settings(self):
        """Read settings.toml and the certificate that it names; make the client, as it says.

        That is early, so that there is memory in one piece for the connection's buffer.
        """
        self._settings = settings = self._settings_file.load()
        for secret in (settings.device_secret, settings.wifi_password):
            if len(secret) >= SHORTEST_SECRET:
                self._secrets.append(secret)
        if settings.ca:
            list(self._ca.ders(settings.ca))
        self._watch()
        self._client = self.make_client(settings)
        ca = "certificates of its own" if settings.ca else "the shipped roots"
        return "{}:{}, {} mode, {}".format(settings.host, settings.port, settings.mode, ca)

    def make_client(self, settings):
        """Return the client that the firmware would make, but that it knows no token yet."""
        client_id = settings.client_id or None
        if client_id == "serial":
            client_id = self._board.unique_id()
        return self._http.Client(
            self._http.Device(
                settings.product_key, settings.device_name, settings.device_secret, client_id
            ),
            settings.host,
            settings.port,
            sign_method=settings.sign_method,
            connection=self._http.new_connection(
                settings.host, settings.port, settings.ca or None, settings.timeout
            ),
            store=NewToken(self._store.SmallFile("aiot_token.json")),
        )

    def join(self):
        """Join the Wi-Fi as the firmware does, afresh: an old connection proves nothing."""
        settings = self._settings
        self._board.restart_wifi()
        failed = self._board.join_wifi(
            settings.wifi_ssid, settings.wifi_password, self._wifi_ms, nothing
        )
        if failed:
            why_not(settings.wifi_ssid, settings.wifi_password, self._wifi_ms)
        return signal()

    def look_up(self):
        """Ask DNS for the platform's host."""
        host, port = self._settings.host, self._settings.port
        try:
            found = self._port.resolve(host, port, DNS_MS, nothing)
        except OSError as error:
            raise CheckError("{}: {}".format(host, error)) from None
        if not found:
            raise CheckError("no address for {}".format(host))
        address = found[0][4]
        shown = address[0] if isinstance(address, tuple) else "an address"
        return "{} has {}".format(host, shown)

    def set_clock(self):
        """Set the clock as the firmware does: by NTP, or else by a web server's Date."""
        before = self._port.unix_ms()
        clock = self._timekeeping.Clock(self._settings, self._board)
        try:
            unix_s = clock.network_time(self.is_right, nothing)
        except OSError as error:
            raise CheckError(str(error)) from None
        self._board.set_wall_clock(unix_s)
        if before is None:
            return "set by the network"
        return "set by the network; it was {} s off".format(abs(unix_s - before // 1000))

    def is_right(self, unix_s):
        """Tell whether a time can be now."""
        return self._port.is_right(unix_s * 1000)

    def sign_in(self):
        """Connect and sign in, whether or not a token is at hand. Tells each stage apart."""
        try:
            self._secrets.append(self._client.auth())
        except self._http.NetworkError:
            raise
        except Exception:
            self.reach("sign-in")  # somebody answered, so it is not the way there
            raise
        self.reach("sign-in")
        return "signed in by {}".format(self._settings.sign_method)

    def _watch(self):
        """Have the library's connection tell how far it got, where it is the library's own."""
        if not hasattr(self._port, "open_stream"):
            return
        opened = self._port.open_stream

        def open_stream(context, host, address, timeout_ms):
            stream = opened(context, host, address, timeout_ms)
            self.reach("tls")
            return Stream(stream, lambda: self.reach("sign-in"))

        self._port.open_stream = open_stream

    def reach(self, check):
        """Go on from connection over tls to sign-in, as far as `check`; never back."""
        if self._check == "connection":
            self.go_on("the port answers", "tls")
        if self._check == "tls" and check == "sign-in":
            self.go_on("the server's certificate is good", "sign-in")

    def report(self):
        """Send the sensors' readings as the firmware's next report would."""
        import board_config

        readings, absent = self._sensors.read_all(board_config.attached())
        missing = ["{} ({})".format(name, absent[name]) for name in sorted(absent)]
        if not readings:
            raise CheckError("no sensor gives a reading: {}".format(", ".join(missing)))
        names = ", ".join(sorted(readings))
        number = self.send(readings)
        text = "messageId {}, with {}".format(number, names)
        return text + "; absent: " + ", ".join(missing) if missing else text

    def send(self, readings):
        """Publish readings in the mode that is set; return the messageId."""
        now = self._port.unix_ms()
        if self._settings.mode == "property":
            return self._client.post_properties(readings, now)
        from aiot_json import write_json

        if now is None:
            readings["undated"] = True
        else:
            readings["time"] = now
        out = io.StringIO()
        write_json(readings, out)
        return self._client.publish(self._settings.topic, out.getvalue())


def nothing():
    """Do nothing while the board waits."""


def described(error):
    """Return an error in words."""
    name = error.__class__.__name__
    if name in IN_WORDS:
        return str(error)
    return "{}: {}{}".format(name, error, place_of(error))


def place_of(error):
    """Return the file and line in which an error arose, in parentheses, "" where none is known."""
    out = io.StringIO()
    try:
        sys.print_exception(error, out)
    except AttributeError:  # CircuitPython
        import traceback

        traceback.print_exception(error, file=out)
    place = ""
    for line in out.getvalue().split("\n"):
        words = line.strip().split('"')
        if words[0] == "File " and words[1][:1] != "<":
            number = words[2].split(",")[1].strip()  # "line 3"
            place = " ({} {})".format(words[1].split("/")[-1], number)
    return place


def why_not(ssid, password, wifi_ms):
    """Try once more to join, to learn why it fails; raise CheckError with that if it does."""
    try:
        import network
    except ImportError:
        ask_circuitpython(ssid, password, wifi_ms)
        return
    wlan = network.WLAN(network.STA_IF)
    try:
        wlan.active(True)
        wlan.disconnect()
        stop_at_first_failure(wlan)
        wlan.connect(ssid, password or None)
    except (OSError, ValueError) as error:
        raise CheckError("the radio says: {}".format(error)) from None
    end = time.ticks_add(time.ticks_ms(), wifi_ms)
    while wlan.status() == network.STAT_CONNECTING and time.ticks_diff(end, time.ticks_ms()) > 0:
        time.sleep_ms(POLL_MS)
    if not wlan.isconnected():
        raise CheckError(status_name(network, wlan.status()))


def stop_at_first_failure(wlan):
    """Keep an ESP32 from trying for ever: some releases tell no reason while it does."""
    try:  # noqa: SIM105 - boards have no contextlib
        wlan.config(reconnects=0)
    except (ValueError, TypeError):
        pass  # other chips have no such setting


def ask_circuitpython(ssid, password, wifi_ms):
    """Do what `why_not` does, on CircuitPython."""
    import wifi

    try:
        wifi.radio.enabled = True
        wifi.radio.connect(ssid, password, timeout=wifi_ms / 1000)
    except (OSError, ValueError, RuntimeError) as error:  # ConnectionError is an OSError
        raise CheckError("the radio says: {}".format(error)) from None


def status_name(network, status):
    """Return the name that the network module has for a status, without STAT_."""
    for name in dir(network):
        if name.startswith("STAT_") and getattr(network, name) == status:
            return "status {} ({})".format(status, name[len("STAT_") :])
    return "status {}".format(status)


def signal():
    """Return that Wi-Fi is joined, with the strength of its signal where the port knows it."""
    try:
        return "joined, signal {} dBm".format(strength())
    except (OSError, ValueError, TypeError, AttributeError, NotImplementedError):
        return "joined"  # a Pico W's CircuitPython raises the last of these


def strength():
    """Return the strength of the signal in dBm."""
    try:
        import network
    except ImportError:
        import wifi

        return wifi.radio.ap_info.rssi
    return network.WLAN(network.STA_IF).status("rssi")
