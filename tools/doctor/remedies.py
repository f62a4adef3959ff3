# SPDX-License-Identifier: MIT
"""What to do about each failure that `tools/doctor` may find."""

_BUSY = "too many requests: wait some minutes, then try again; set a longer interval"
_OVERLOADED = "the platform is overloaded: wait some minutes, then try again"
_PASSING = "a passing fault of the platform: try again in a minute"
_SLOW = "the platform or the network is too slow: try a longer timeout in settings.toml"
_CUT = "the platform, or something in between, cut the connection: try again"
_MEMORY = "free memory first: TLS needs 35 KB of heap, 17 KB of it in one piece"
_PASSWORD = "wifi_password is not what the access point wants"  # noqa: S105 - it is none
_PERHAPS_PASSWORD = "wifi_password is most likely wrong; else the signal is weak"  # noqa: S105
_NO_ACCESS_POINT = (
    "no access point calls itself wifi_ssid: is the name written as there, capitals too? "
    "is it on 2.4 GHz, and in reach?"
)

_REMEDIES = {
    "board": (
        ("another program has", "close that program, and try again"),
        ("no such port", "plug it in, by a cable that carries data; the ports that are there: "
         "python -m tools.deploy --list"),
        ("no board found", "plug it in, by a cable that carries data; or name its port: --port"),
        ("no permission", "as said there"),
        ("", "check cable and port, press the board's reset button, and try again; is "
         "MicroPython or CircuitPython on it? (make flash)"),
    ),
    "runtime": (("", "put a supported release on the board: make flash"),),
    "library": (
        ("ImportError", "put library and firmware on the board: make deploy"),
        ("MemoryError", "deploy compiled modules, which need less memory to load"),
        ("", "deploy again: a file on the board is damaged, or of another release"),
    ),
    "settings": (
        ("no such file", "copy firmware/settings.example.toml, fill it in, then: make deploy"),
        ("ca: ", "deploy the certificate too: make deploy ARGS='--file ca.pem:ca.pem'"),
        ("", "correct that line of your settings.toml, then: make deploy"),
    ),
    "wifi": (
        ("WRONG_PASSWORD", _PASSWORD),
        ("uthentication", _PASSWORD),
        ("a key has", "wifi_password has 8 to 63 characters; give \"\" for an open network"),
        ("HANDSHAKE_TIMEOUT", _PERHAPS_PASSWORD),
        ("status 15", _PERHAPS_PASSWORD),  # an ESP32's 4WAY_HANDSHAKE_TIMEOUT has no name
        ("NO_AP_FOUND", _NO_ACCESS_POINT),
        ("No network with that ssid", _NO_ACCESS_POINT),
        # 210 to 212 of an ESP32: an access point is there, but its encryption or signal is not
        # what is asked for.
        ("status 21", "the access point wants other encryption than WPA2, or is too far away"),
        ("CONNECTING", "the access point answers too late: weak signal, or no address by DHCP"),
        ("", "check wifi_ssid and wifi_password; move the board closer to the access point"),
    ),
    "dns": (
        ("no address", "is host in settings.toml written as in the console? if so, the network's "
         "name server does not know it, or has no way to the internet"),
        ("", "the name server does not answer: has this network a way to the internet?"),
    ),
    "clock": (
        ("unknown to DNS", "set ntp_host to pool.ntp.org, or to a server of your own network"),
        ("does not answer", "the network lets no NTP through (UDP port 123), or that server is "
         "down: set ntp_host to one that may be asked here"),
        ("believed", "that server gives a wrong time: set ntp_host to another"),
        ("", "set ntp_host to another time server"),
    ),
    "connection": (
        ("ECONNREFUSED", "nothing listens there: check host and port; the service has port 443"),
        ("ETIMEDOUT", "something drops what goes to that port, a firewall perhaps: ask who runs "
         "this network"),
        ("no answer", "something drops what goes to that port, a firewall perhaps: ask who runs "
         "this network"),
        ("EHOSTUNREACH", "this network has no way to that host: has it one to the internet?"),
        ("emory", _MEMORY),
        ("certificate", "ca in settings.toml does not fit the server; or somebody is in between"),
        ("", "has this network a way to the internet? check host and port"),
    ),
    "tls": (
        ("clock is not set", "set the clock first, see above: without it no certificate is good"),
        ("emory", _MEMORY),
        ("not correctly signed", "ca in settings.toml is not the authority of this server, or, "
         "without ca, the shipped roots are not; or somebody is in between"),
        ("certificate", "the server's certificate is not good for host: is host written as in "
         "the console? is somebody in between?"),
        ("", "what listens there does not speak TLS, or the network breaks it: check host and "
         "port; is there a captive portal or a proxy?"),
    ),
    "sign-in": (
        ("clock is", "the board's clock is wrong, see above: the platform allows 15 minutes"),
        ("20000", "ProductKey, DeviceName or DeviceSecret is wrong, or the device is disabled: "
         "compare them with the console; make sign shows what is signed"),
        ("40000", _BUSY),
        ("429", _BUSY),
        ("503", _OVERLOADED),
        ("10001", "the platform finds the sign-in wrong: check product_key and client_id"),
        ("20004", "the platform is still busy with an earlier sign-in: try again in a minute"),
        ("10000", _PASSING),
        ("no answer", _SLOW),
        ("closed", _CUT),
        ("", "is host the right server? something else answers: a captive portal, a proxy?"),
    ),
    "report": (
        ("no sensor", "check the wiring: boards/ID/README.md shows it, board_config.py names it"),
        ("10001", "does the topic or the property exist in the console? may the device publish "
         "to that topic?"),
        ("40000", _BUSY),
        ("429", _BUSY),
        ("503", _OVERLOADED),
        ("30001", _PASSING),
        ("10000", _PASSING),
        ("no answer", _SLOW),
        ("closed", _CUT),
        ("(board_config.py line", "correct that line of board_config.py, then: make deploy"),
        ("", "see lib/README.md, \"Errors, and what to do about each\"; is board_config.py "
         "right?"),
    ),
    "outbox": (
        ("emory", "the board lacks the memory to count; the reports themselves are safe"),
        ("", "the board's flash cannot be read: it is damaged, or is not formatted"),
    ),
}  # fmt: skip
"""For each check: what its detail may hold, and what to do then. The first that fits counts."""


def remedy(check, detail):
    """Return what to do about a failed check; `detail` is what the board, or the desk, said.

    A number among the signs is the platform's code, with which such a detail begins.
    """
    return next(advice for sign, advice in _REMEDIES[check] if _fits(sign, detail))


def _fits(sign, detail):
    return detail.startswith(sign + " ") if sign.isdigit() else sign in detail
