# SPDX-License-Identifier: MIT
"""Looks names up in the DNS (RFC 1035), and never blocks for longer than a second.

lwIP's getaddrinfo, in a board's firmware, blocks for 7 s for each silent name server. With two of
them that is longer than an RP2040's watchdog allows. NTP uses the function `ask` too.
"""

import os

PORT = 53

# MicroPython knows only the first name server from DHCP. If that one is silent, these are asked:
# the public ones of Alibaba Cloud, as a board that reaches the platform probably reaches them.
SPARE = ("223.5.5.5", "223.6.6.6")

_NO_SUCH_NAME = 3  # RFC 1035, 4.1.1
_ADDRESS = b"\0\1\0\1"  # type A, class IN
_ALIAS = b"\0\5\0\1"  # type CNAME, class IN
_MOST_ALIASES = 8  # in a row; real chains have one to three
_MOST_ADDRESSES = 4  # each gets a part of the time that is left to connect
_LONGEST_NAME = 255  # bytes, RFC 1035, 2.3.4
_LONGEST_LABEL = 63
_AGAIN_MS = 1000  # until the question is sent again, as UDP loses datagrams
_MOST_PARTS = 140  # labels and pointers of a name, which has room for 127 labels


def is_address(host):
    """Return whether a host is an IPv4 address (a.b.c.d), which needs no look-up."""
    parts = host.split(".")
    if len(parts) != 4:
        return False
    for part in parts:
        if not 0 < len(part) < 4 or part.strip("0123456789") or int(part) > 255:
            return False
    return True


def look_up(udp, host, servers, timeout_ms, on_wait):
    """Return the IPv4 addresses of a host as a list of texts, [] if there is no such name.

    `udp` is an open Udp of aiot_port.net, and is closed here. `servers` are the addresses of the
    network's own name servers. Raises OSError if no server answers within `timeout_ms`.
    """
    try:
        asked = question(host, os.urandom(2))
        places = [udp.place(server, PORT) for server in servers]
        spare = [udp.place(server, PORT) for server in SPARE if server not in servers]
    except BaseException:
        udp.close()
        raise

    found = ask(udp, asked, places, spare, addresses, timeout_ms, on_wait)
    if found is None:
        raise OSError("no name server answers")
    return found or []


def ask(udp, question, places, spare, judge, timeout_ms, on_wait):
    """Return the result of the first answer that fits, None if none came in time.

    No step waits for more than a second: a watchdog is fed in time, whatever a server sends. It is
    one function with few calls, as a report here has used much of a Pico W's 8 KB of stack.

    `udp` is an open Udp of aiot_port.net, and is closed here. `places` are the servers, as its
    `place` and `places` return them; those in `spare` are asked too after half of the time.
    `judge(answer, question)` gets bytes and returns the result: None if they do not answer this
    question, False if the server has no result. That server is not asked again; if all servers
    say so, False is returned. `on_wait`, if given, is called at least every second.
    """
    try:
        asked = list(places or spare)  # the servers that have not said that they have no result
        spare = list(spare) if places else []
        again_ms = 0
        while True:
            age_ms = udp.age_ms()
            if age_ms >= timeout_ms:
                return None
            if spare and age_ms >= timeout_ms // 2:
                asked += spare
                spare = []
                again_ms = age_ms
            if age_ms >= again_ms:
                again_ms = age_ms + _AGAIN_MS
                for place in asked:
                    udp.send(question, place)
            if on_wait:
                on_wait()
            got = udp.receive(min(again_ms, timeout_ms) - age_ms)
            if got is None or got[1] not in asked:
                continue  # nothing yet, or from a server that was not asked
            verdict = judge(got[0], question)
            if verdict is False:
                asked.remove(got[1])
            if verdict is not None and not (verdict is False and asked):
                return verdict
    finally:
        udp.close()


def question(host, number):
    """Return the bytes that ask for a host's addresses; the answer repeats `number` (2 bytes).

    Raises OSError if `host` cannot be a name.
    """
    name = b""
    for label in host.split("."):
        size = len(label.encode())
        if not 0 < size <= _LONGEST_LABEL:
            raise OSError("%s is no name of a host" % host)
        name += bytes((size,)) + label.encode()
    if len(name) >= _LONGEST_NAME:
        raise OSError("%s is no name of a host" % host)
    # Recursion is desired; there is one question.
    return number + b"\1\0\0\1\0\0\0\0\0\0" + name + b"\0" + _ADDRESS


def addresses(answer, asked):
    """Return the addresses that an answer gives to a question, both bytes, as a list of texts.

    False if it says that there are none. None if it does not answer this question, is damaged or
    cut before the first address, or the server does not know.
    """
    size = len(asked)
    if len(answer) < size or answer[:2] != asked[:2] or answer[2] & 0xF8 != 0x80:
        return None  # another number, a question itself, or another operation
    if answer[4:6] != b"\0\1" or answer[12:size].lower() != asked[12:].lower():
        return None
    code = answer[3] & 15
    if code:
        return False if code == _NO_SUCH_NAME else None
    aliases = {}
    held = []
    try:
        _read_records(answer, size, aliases, held)
    except IndexError:
        if not answer[2] & 2:  # an answer that was cut for its length is good up to the cut
            return None
    found = _follow(_name(asked, 12)[0], aliases, held)
    if found or aliases or answer[2] & 2:
        return found or None
    return False


def _read_records(answer, at, aliases, held):
    """Read the records of an answer: CNAMEs into the dict `aliases`, (name, address) into `held`.

    Raises IndexError if a record is damaged; the records before it were read.
    """
    for _ in range(answer[6] << 8 | answer[7]):
        name, at = _name(answer, at)
        kind = answer[at : at + 4]
        data = at + 10
        at = data + (answer[at + 8] << 8 | answer[at + 9])
        if at > len(answer):
            raise IndexError
        if kind == _ALIAS:
            aliases[name] = _name(answer, data)[0]
        elif kind == _ADDRESS and at - data == 4:
            held.append((name, "%d.%d.%d.%d" % tuple(answer[data:at])))


def _follow(name, aliases, held):
    """Return the addresses of a name, or of the name that it is an alias of."""
    for _ in range(_MOST_ALIASES):
        found = [address for owner, address in held if owner == name]
        if found or name not in aliases:
            return found[:_MOST_ADDRESSES]
        name = aliases[name]
    return []


def _name(packet, at):
    """Return (name in small letters, the place behind it). Raises IndexError for a damaged one."""
    name = b""
    behind = None
    for _ in range(_MOST_PARTS):
        size = packet[at]
        if size == 0:
            return name, behind or at + 1
        if size >= 0xC0:  # a pointer to the rest, RFC 1035, 4.1.4
            behind = behind or at + 2
            at = (size & 0x3F) << 8 | packet[at + 1]
            continue
        label = packet[at + 1 : at + 1 + size]
        name += b"." + label.lower()
        if size > _LONGEST_LABEL or len(label) < size or len(name) > _LONGEST_NAME:
            raise IndexError
        at += 1 + size
    raise IndexError  # its pointers form a circle
