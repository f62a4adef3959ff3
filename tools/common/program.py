# SPDX-License-Identifier: MIT
"""How a tool runs as a command: its options, its errors, Ctrl-C, and its exit status.

A tool's module ends with `main = Program(…)`, which others call as `main(words)`, and with
`sys.exit(main.run())` for `python -m`.
"""

import argparse
import traceback

from tools.common import console, ending

STOPPED = 130
"""Exit status after Ctrl-C: 128 and the signal's number, as shells have it."""


class OptionError(Exception):
    """Options that do not fit together; the message says which, and what would."""


def as_seconds(text):
    """Return a number over 0, the value of an option that is a time; for argparse's `type`."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("give a number over 0")
    return value


class Program:
    """A command: `work(options)` does it and returns the exit status, or None for 0.

    `add_options(parser)` is called at each run. An error that is one of `wrong` ends it with
    status 2: something on the desk is missing or wrong. One that is one of `failed` ends it with
    status 1. `stopped` is what is said at Ctrl-C. All else is for `argparse.ArgumentParser`;
    `parser_class` is another one in its place.
    """

    def __init__(
        self, name, work, add_options, *, wrong=(), failed=(), stopped="stopped",
        parser_class=argparse.ArgumentParser, **of_parser,
    ):  # fmt: skip
        self._name = name
        self._work = work
        self._add_options = add_options
        self._wrong = (console.InputError, *wrong)
        self._failed = tuple(failed)
        self._stopped = stopped
        self._parser_class = parser_class
        self._of_parser = {"prog": f"python -m tools.{name}", **of_parser}

    def parser(self):
        """Return the parser of the command line."""
        parser = self._parser_class(**self._of_parser)
        self._add_options(parser)
        return parser

    def __call__(self, arguments=None):
        """Run the command with these words, by default the process's; return the exit status.

        Raises `SystemExit` where argparse does: after --help, and for options that are wrong.
        """
        try:
            parser = self.parser()
            options = parser.parse_args(arguments)
            return self._do(parser, options)
        except KeyboardInterrupt:
            console.warn(f"\n{self._name}: {self._stopped}")
            return STOPPED

    def run(self):
        """Run as the whole of the process, and return the exit status.

        An error that nobody foresaw is printed here too, and so without secrets.
        """
        ending.treat_as_ctrl_c()
        with console.of_a_process():
            try:
                return self()
            except BrokenPipeError:  # of argparse
                return 0
            except Exception:  # noqa: BLE001 - it is shown, and the status says so
                console.warn(traceback.format_exc().rstrip())
                return 1

    def _do(self, parser, options):
        try:
            return self._work(options) or 0
        except OptionError as error:
            parser.error(str(error))
        except self._wrong as error:
            return self._told(error, 2)
        except self._failed as error:
            return self._told(error, 1)

    def _told(self, error, status):
        console.warn(f"{self._name}: {error}")
        return status
