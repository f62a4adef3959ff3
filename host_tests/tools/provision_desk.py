# SPDX-License-Identifier: MIT
"""Stand-ins for `provision`: boards that keep settings, a platform, and a desk with their files.

With them a run takes no time, and can end at each of its steps.
"""

import json

from tools.common import remote
from tools.provision import __main__ as provision
from tools.provision import registration

KEY = "a1GFjLPXXXX"
WIFI_PASSWORD = "virtual-password"
DEVICES = [(KEY, f"device{number}", f"n0tShown{number}") for number in (1, 2, 3)]
PRODUCT = ("a1Product00", "n0tShownProductSecret")

TEMPLATE = """\
# what all boards share
wifi_ssid = "virtual-wifi"
wifi_password = "virtual-password"
host = "localhost"
port = {port}
ca = "ca.pem"
interval = 1
start_delay = 0
"""


class CrashError(BaseException):
    """The process ends here."""


class StandIns:
    """Boards that keep settings, and a platform that registers as the vendor describes."""

    def __init__(self):
        self.settings = {}  # of each board
        self.good = {}  # the secret that is good now, of each device
        self.activated = set()
        self.steps = 0
        self.crash_at = None
        self.plugged = None
        self.unfit = False

    def step(self, call):
        """Do one step that a crash may hinder, or follow."""
        for _ in range(2):
            self.steps += 1
            if self.steps == self.crash_at:
                raise CrashError
            if call:
                result, call = call(), None
        return result

    def fetch(self, product_key, name, *_, **__):
        def register():
            if (product_key, name) in self.activated:
                raise registration.RegistrationError("activated")
            self.good[(product_key, name)] = f"secret-{len(self.good)}-{self.steps}"
            return self.good[(product_key, name)]

        return self.step(register)


class StandInBoard:
    def __init__(self, port, job):
        self.chip_id, _, self.mac = STAND_INS[0].plugged.partition("/")
        self._key = STAND_INS[0].plugged

    def check(self, values):
        if STAND_INS[0].unfit:
            raise remote.PortError("not enough room on the board")

    def kept_settings(self):
        values = STAND_INS[0].settings.get(self._key)
        return type("Settings", (), values) if values else None

    def install(self, values):
        world = STAND_INS[0]
        world.step(lambda: world.settings.__setitem__(self._key, values))

    def wait_for_report(self, secrets):
        world = STAND_INS[0]

        def report():
            values = world.settings[self._key]
            device = (values["product_key"], values["device_name"])
            assert world.good.get(device, values["device_secret"]) == values["device_secret"]
            world.activated.add(device)
            return 5

        return world.step(report)


STAND_INS = []


LISTED = ["--csv", "devices.csv"]
REGISTERED = ["--register", "--product-key", PRODUCT[0], "--product-secret-file"]
REGISTERED += ["product-secret"]


def run_on(world, board, desk, *words):
    world.plugged = board
    words = [str(desk / word) if (desk / word).exists() else word for word in words]
    words += ["--template", str(desk / "template.toml"), "--count", "1"]
    words += ["--ledger", str(desk / "ledger")]
    return provision.main(words)


def ledger_of(desk):
    lines = (desk / "ledger").read_text().splitlines()
    return [json.loads(line) for line in lines]
