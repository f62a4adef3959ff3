# SPDX-License-Identifier: MIT
"""The errors that leave the library: one tree, and each says whether to try again.

The lowest floor: it imports nothing. Users find these names in `aiot_http` too.
"""

# Token faults (document, Tables 3 and 5): sign in again, then send the same bytes again.
TOKEN_CODES = (20001, 20002, 20003)
REFUSED = 20000

# The platform's "param error": asking again with the same bytes cannot help.
_PARAM_ERROR = 10001


class AiotError(Exception):
    """Base of every error that leaves the library.

    Raised itself when you ask for something that cannot be sent: a topic with a space, a
    payload over 131,072 bytes, NaN. `retry` tells whether the same report may succeed later.
    """

    retry = False


class NetworkError(AiotError):
    """The platform could not be reached: Wi-Fi, DNS, TCP, TLS, a certificate, or too late.

    `clock` is True where the certificate is called expired or not yet valid: the board's own
    clock may be what is wrong.
    """

    retry = True
    clock = False


# What may go well another time. Made here: out of memory `except (…)` could not make it.
NOT_NOW = (AiotError, MemoryError)


def ca_error(text):
    """Return an AiotError that no report is to blame for: all may be sent once `ca` is right."""
    error = AiotError(text)
    error.retry = True
    return error


class ReplyError(AiotError):
    """Something answered, but not in a way that the platform would."""

    retry = True


class PlatformError(AiotError):
    """The platform said no.

    `code` is the platform's code (document, Tables 3 and 5), or the HTTP status where no code
    came with it, which `bare` tells; `message` is its own text; `retry` is False only for the
    platform's own 10001, as a bare status may come from anybody on the way; `hint` says more
    where the client can tell more; `retry_after` is the number of seconds that the platform
    asked to wait, or None; `signing_in` tells that it was the sign-in that was refused, so that
    nothing is wrong with the report that waits for it.
    """

    signing_in = False

    def __init__(self, code, message, hint="", retry_after=None):
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retry_after = retry_after
        self.retry = code != _PARAM_ERROR
        self.bare = 100 <= code < 600  # the platform's own codes have five digits

    def __str__(self):
        text = "%d %s" % (self.code, self.message)
        return "%s: %s" % (text, self.hint) if self.hint else text
