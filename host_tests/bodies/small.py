# SPDX-License-Identifier: MIT
"""A program as small as a user's: all that a client does, in the heap of a board."""

import aiot_http


def whole_client(place):
    """Sign in, send reports of each kind, reopen; return the messageIds."""
    client = aiot_http.Client(
        aiot_http.Device(*place["device"]),
        place["host"],
        place["port"],
        place["ca"],
        token_path=place["token_path"],
    )
    results = [
        client.publish("user/pub", b"1"),
        client.post_properties({"temperature": 21.5, "humidity": 40.0}, 1524448722000),
        client.post_event("alarm", {"level": 3}),
        client.publish("user/pub", bytearray(1024)),
        client.publish("/%s/%s/user/pub" % tuple(place["device"][:2]), "text"),
    ]
    client.close()
    results.append(client.publish("user/pub", b"again"))
    client.close()
    return results
