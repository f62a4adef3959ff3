# SPDX-License-Identifier: MIT
"""The library alone on CircuitPython, in ten lines. Save it as code.py on the drive CIRCUITPY.

Wi-Fi is up when it runs, if settings.toml there has CIRCUITPY_WIFI_SSID and
CIRCUITPY_WIFI_PASSWORD. The library: `make dist`, then

    cd build/dist/circuitpython/aiot-http-10.x-mpy-v*/lib
    circup install ./* adafruit_requests adafruit_ntp
"""

import adafruit_ntp
import aiot_http
import rtc
import socketpool
import wifi

pool = socketpool.SocketPool(wifi.radio)
rtc.RTC().datetime = adafruit_ntp.NTP(pool, tz_offset=0).datetime  # certificates need the time
device = aiot_http.Device("your ProductKey", "your DeviceName", "your DeviceSecret")
client = aiot_http.Client(device)
print(client.publish("user/update", b'{"temperature": 21.5}'))
