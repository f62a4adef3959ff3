# SPDX-License-Identifier: MIT
"""The platform's codes and their messages (Tables 3 and 5 of the platform's document)."""

SUCCESS = 0
COMMON_ERROR = 10000
PARAM_ERROR = 10001
AUTH_CHECK_ERROR = 20000
TOKEN_EXPIRED = 20001
TOKEN_NULL = 20002
TOKEN_UNKNOWN = 20003
SESSION_ERROR = 20004
PUBLISH_ERROR = 30001
TOO_MANY_REQUESTS = 40000

MESSAGES = {
    SUCCESS: "success",
    COMMON_ERROR: "common error",
    PARAM_ERROR: "param error",
    AUTH_CHECK_ERROR: "auth check error",
    TOKEN_EXPIRED: "token is expired",
    TOKEN_NULL: "token is null",
    TOKEN_UNKNOWN: "check token error",
    SESSION_ERROR: "update session error",
    PUBLISH_ERROR: "publish message error",
    TOO_MANY_REQUESTS: "request too many",
}


class RefusedError(Exception):
    """The platform says no to a request; `code` is one of this module's, and not 0."""

    def __init__(self, code: int):
        super().__init__(code, MESSAGES.get(code, "unknown code"))
        self.code = code
