# SPDX-License-Identifier: MIT
"""Reports by MQTT, QoS 1, with umqtt.simple: the other way to the platform."""

import ssl
import sys

import peers

# The name by which umqtt imports it; firmware of a board knows both, the unix port's does not.
sys.modules["ussl"] = ssl


def send(place, count):
    """Send `count` reports and wait for each one's acknowledgement."""
    from umqtt.simple import MQTTClient

    key, name = place["device"][:2]
    to_host = {"server_hostname": place["host"]}  # umqtt verifies nothing
    client = MQTTClient(key + "." + name, "127.0.0.1", place["port"], ssl=True, ssl_params=to_host)
    client.connect()
    topic = "/{}/{}/user/pub".format(key, name)
    for _ in range(count):
        client.publish(topic, peers.PAYLOAD, qos=1)
    client.disconnect()
