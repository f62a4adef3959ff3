# SPDX-License-Identifier: MIT
"""The errors of the library: one tree. Each error says whether to try again.

This file imports nothing. Users find these names in `aiot_http` too.
"""

# Token faults (document, Tables 3 and 5): sign in again, then send the same bytes again.
TOKEN_CODES = (20001, 20002, 20003)
REFUSED = 20000

# The platform's "param error": asking again with the same bytes cannot help.
_PARAM_ERROR = 10001


class AiotError(Exception):
    """Base of every error of the library, except MemoryError.

    AiotError itself is raised if you give something that cannot be sent: a topic with a space, a
    payload over 131,072 bytes, NaN. `retry` says whether the same report may succeed later.
    """

    retry = False


class NetworkError(AiotError):
    """The platform could not be reached: Wi-Fi, DNS, TCP, TLS, a certificate or the time limit.

    `clock` is True if TLS says that the certificate is expired or not yet valid: the board's
    clock may be wrong.
    """

    retry = True
    clock = False


# The errors that may be over later. Made once, here: `except (…)` would need memory.
NOT_NOW = (AiotError, MemoryError)


def ca_error(text):
    """Return an AiotError with `retry` True: the reports can be sent once `ca` is right."""
    error = AiotError(text)
    error.retry = True
    return error


class ReplyError(AiotError):
    """Something answered, but not as the platform does."""

    retry = True


class PlatformError(AiotError):
    """The platform said no.

    `code` is the platform's code (document, Tables 3 and 5). If there was none, it is the HTTP
    status and `bare` is True: then the answer may come from anybody on the way. `message` is the
    platform's text. `retry` is False only for the platform's own 10001. `hint` is a likely
    reason, or "". `retry_after` is the number of seconds that the platform asked to wait, or
    None. `signing_in` is True if the sign-in was refused, so that the report is not at fault.
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


def printable(message, secrets):
    """Return the platform's message without secrets, fit for one line of a log."""
    if not isinstance(message, str):
        return ""
    for secret in secrets:
        if secret:
            message = message.replace(secret, "***")
    return "".join([char if char >= " " else " " for char in message[:128]])
