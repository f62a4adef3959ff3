# SPDX-License-Identifier: MIT
"""The one place that prints: every terminal, nobody who reads, and no tool beside it."""

import ast
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time

import pytest

from host_tests.conftest import ROOT
from tools.common import console, drive
from tools.common.board_text import LINE_MAX, Decoder, Lines, clean
from tools.common.program import STOPPED

TOOLS = sorted((ROOT / "tools").rglob("*.py"))

# They run elsewhere: on a board, or in an interpreter whose output a tool reads.
ELSEWHERE = ("boot.py", "counted.py", "on_flash.py", "on_desk.py", "config_run.py")

PROGRAMS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in TOOLS
    if "\nmain = Program(" in path.read_text(encoding="utf-8")
)


def prints_by_itself(node):
    """Whether a piece of code prints or asks without `tools.common.console`."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        own_file = any(keyword.arg == "file" for keyword in node.keywords)
        return (
            called in ("print", "input", "getpass.getpass")
            or (called == "Console" and not own_file)
            or called.endswith(("print_exc", "print_exception"))
        )
    return ast.unparse(node) in ("sys.stdout", "sys.stderr") if is_attribute(node) else False


def is_attribute(node):
    return isinstance(node, ast.Attribute)


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_the_console_prints(path):
    if path.name in ELSEWHERE or path.parent.name == "on_board" or path.name == "console.py":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.lineno for node in ast.walk(tree) if prints_by_itself(node)]
    assert not found, f"{path}: lines {found} print beside tools/common/console.py"


def test_every_tool_runs_in_the_one_frame():
    """tools/common/program.py: options, errors, Ctrl-C and exit status are the same for all."""
    mains = [
        path
        for path in TOOLS
        if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
        and path.name not in ELSEWHERE
    ]
    assert len(mains) == len(PROGRAMS) > 17
    for path in mains:
        source = path.read_text(encoding="utf-8")
        assert "sys.exit(main.run())" in source, path
        assert "ArgumentParser(" not in source, path
        assert "STOPPED" not in source or "import STOPPED" in source, path


# Terminals.

TERMINALS = {
    "ascii": {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "gbk": {"PYTHONIOENCODING": "gbk"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
}


def started(words, terminal, **options):
    env = {**os.environ, **TERMINALS[terminal], "COLUMNS": "80"}
    words = [word.encode("ascii", "backslashreplace").decode() for word in words]
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT, env=env, capture_output=True, timeout=100, check=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize("terminal", ["ascii", "gbk"])
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.slow
def test_help_can_be_read_on_each_terminal(name, terminal):
    done = started(["-m", name, "--help"], terminal)
    assert done.returncode == 0, done.stderr
    assert b"usage:" in done.stdout
    assert b"Traceback" not in done.stderr


SAYING = """
import sys
from tools.common import console, drive
from tools.common.program import Program
def main(options):
    console.say("温度 21.5 °C × ½ \\ud800")
    console.warn("错误: 温")
    console.rich().print("⠋ 湿", style="bold")
    console.show("piece ")
    return 0
sys.exit(Program("saying", main, lambda parser: None).run())
"""


@pytest.mark.parametrize("terminal", TERMINALS)
def test_what_a_terminal_lacks_is_shown_by_its_number(terminal):
    done = started(["-c", SAYING], terminal)
    assert done.returncode == 0, done.stderr
    encoding = "ascii" if terminal == "C" else terminal
    shown = done.stdout.decode(encoding)
    assert "21.5" in shown
    assert "\\ud800" in shown
    assert ("温" if terminal == "gbk" else "\\u6e29") in shown
    assert "piece" in shown
    assert ("错误" if terminal == "gbk" else "\\u9519") in done.stderr.decode(encoding)


ASKING = """
import sys
from tools.common import console, drive
from tools.common.program import Program
def main(options):
    console.say(ascii(console.ask("SSID [温]: ")))
    return 0
sys.exit(Program("asking", main, lambda parser: None).run())
"""


@pytest.mark.parametrize("terminal", TERMINALS)
def test_what_is_typed_is_read_on_each_terminal(terminal):
    typed = "我的网络".encode("gbk" if terminal == "gbk" else "utf-8") + b"\n"
    done = started(["-c", ASKING], terminal, input=typed)
    assert done.returncode == 0, done.stderr
    if terminal != "cp437":  # in which each byte is a character
        assert ascii("我的网络").encode() in done.stdout


def test_what_can_be_no_text_is_refused_by_name():
    done = started(["-c", ASKING], "ascii", input=b"\xff\xfe\n")
    assert done.returncode == 2
    assert b"asking: what was typed is neither ascii nor UTF-8" in done.stderr


# Nobody reads.

ENDLESS = """
import sys
from tools.common import console, drive
from tools.common.program import Program
def main(options):
    for number in range(100000):
        console.say(f"line {number}")
        if not console.is_heard():
            console.warn(f"ended {number < 50000}")
            return 7
    return 0
sys.exit(Program("endless", main, lambda parser: None).run())
"""


def test_a_pipe_that_breaks_ends_it_quietly():
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline() == b"line 0\n"
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 7
    assert errors == b"ended True\n"


@pytest.mark.parametrize("name", ["boards", "deploy", "platform"])
@pytest.mark.slow
def test_nobody_reads_the_help(name):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{name}", "--help"],
        cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.stderr == b""


def test_lines_are_out_at_once():
    code = (
        "import sys, time\nfrom tools.common import console\n"
        "from tools.common.program import Program\n"
        "def main(options):\n    console.say('first')\n    time.sleep(60)\n"
        "sys.exit(Program('slow', main, lambda parser: None).run())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"first\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == STOPPED
    assert errors == b"\nslow: stopped\n"


def test_an_error_that_nobody_foresaw_shows_no_secret():
    code = (
        "import sys\nfrom tools.common import console\nfrom tools.common.program import Program\n"
        "def main(options):\n    console.hide('n0tT0BeSeenAnywhere')\n"
        "    raise KeyError('n0tT0BeSeen' + 'Anywhere')\n"
        "sys.exit(Program('broken', main, lambda parser: None).run())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "KeyError: '***'" in done.stderr


def test_a_signal_that_is_ignored_stays_so():
    """As nohup has it."""
    code = (
        "import signal, sys, os\nfrom tools.common.program import Program\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "def main(options):\n    os.kill(os.getpid(), signal.SIGHUP)\n    return 5\n"
        "sys.exit(Program('hardy', main, lambda parser: None).run())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == 5


# Secrets.


def test_whatever_is_printed_has_no_secret(capsys):
    console.hide("n0tT0BeSeenAnywhere")
    console.say("say n0tT0BeSeenAnywhere")
    console.warn("warn N0TT0BESEENANYWHERE")
    console.show("show n0tT0BeSeenA")
    console.show("nywhere.\n")
    console.rich().print("rich n0tT0BeSeenAnywhere")
    console.rich(stderr=True).print("rich n0tT0Be[bold]SeenAnywhere")
    shown = capsys.readouterr()
    assert shown.out == "say ***\nshow ******.\nrich ***\n"
    assert shown.err == "warn ***\nrich ***\n"


def test_an_answer_that_was_not_shown_is_not_shown_later(capsys, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "n0tT0BeSeenAnywhere")
    assert console.ask_secret("DeviceSecret: ") == "n0tT0BeSeenAnywhere"
    console.say("it was n0tT0BeSeenAnywhere")
    assert capsys.readouterr().out == "it was ***\n"


def test_several_threads_print_whole_lines(capsys):
    def talk(number):
        for _ in range(50):
            console.say(f"{number}" * 40)

    threads = [threading.Thread(target=talk, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capsys.readouterr().out.split("\n")
    assert sorted(set(lines)) == ["", *[f"{number}" * 40 for number in range(4)]]


MAINS = {
    "boards": ("tools.boards", ["--board", "ESP32_GENERIC"]),
    "sign": ("tools.sign", ["--product-key", "a1", "--device-name", "d", "--secret-file", "{}/s"]),
    "life": ("tools.life", ["--assumptions"]),
    "deploy": ("tools.deploy", ["--board", "ESP32_GENERIC", "--settings", "{}/设置.toml"]),
    "deploy, list": ("tools.deploy", ["--list"]),
    "provision": ("tools.provision", ["--csv", "{}/设备.csv"]),
    "flash": ("tools.flash", ["--board", "ESP32_GENERIC", "{}/固件.bin"]),
    "monitor": ("tools.monitor", ["--port", "{}/端口"]),
}


@pytest.mark.parametrize("terminal", TERMINALS)
@pytest.mark.parametrize("name", MAINS)
def test_tools_go_their_way_on_each_terminal(name, terminal, tmp_path):
    """Names that the terminal lacks are in what they print."""
    (tmp_path / "s").write_text("s" * 32)
    module, words = MAINS[name]
    env = {**os.environ, **TERMINALS[terminal]}
    words = [word.format(tmp_path) for word in words]
    done = subprocess.run(
        [sys.executable, "-m", module, *map(os.fsencode, words)],
        cwd=ROOT, env=env, capture_output=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr
    assert bool(done.stderr) == bool(done.returncode)


TABLE = """
import sys
from tools.common import console
from tools.common.program import Program
from tools.measure.bench import report
from tools.measure.bench.row import Row
def main(options):
    rows = [Row("n", "µs of a ½ report", "µs", 12.5, {"peer": 25}, 2.0, "peer", "≤ 3", True)]
    console.rich().print(report.tables(rows))
    return 0
sys.exit(Program("bench", main, lambda parser: None).run())
"""


@pytest.mark.parametrize("terminal", TERMINALS)
def test_the_table_of_the_bench_is_printed_on_each_terminal(terminal):
    done = started(["-c", TABLE], terminal)
    assert done.returncode == 0, done.stderr
    assert b"peer 25" in done.stdout


# What a board sends.


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"plain\r\n", "plain\n"),
        ("温度\n".encode(), "温度\n"),
        (b"\xb0C\n", "\\xb0C\n"),
        (b"\x1b[1;31mred\x1b[0m\n", "red\n"),
        (b"\x1b]0;title\x07a\x1b]0;other\x1b\\b\n", "ab\n"),
        (b"\x1b[2Jgone\x1b[H\n", "gone\n"),
        (b"\x1bZ \x07 \x00 \x9b\n", "\\x1bZ \\x07 \\x00 \\x9b\n"),
        (b"a\rb\n", "a\nb\n"),
        (b"tab\t.\n", "tab\t.\n"),
    ],
)
def test_what_a_board_sends_becomes_text(sent, shown):
    assert Decoder().take(sent) == shown
    decoder = Decoder()
    assert "".join(decoder.take(bytes([byte])) for byte in sent) == shown


def test_a_sequence_without_end_is_shown_and_not_kept():
    decoder = Decoder()
    shown = "".join(decoder.take(b"\x1b]0;" + b"x" * 100) for _ in range(100))
    assert len(shown) > 100 * 100 - 300
    assert clean("\x1b[31") == "\\x1b[31"


@pytest.mark.slow
def test_ten_megabytes_without_a_line_end_take_no_memory():
    lines = Lines()
    for _ in range(160):
        assert lines.take(b"\xff\x00ab" * 16384) == []
        assert len(lines._rest) <= LINE_MAX
    assert lines.take(b"\nreport\n")[1] == "report"


# The terminal itself.


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_the_tests_start_hears_its_terminal(name):
    """Whoever starts them in the background, or by nohup, has them ignore one of these."""
    program = f"import signal; print(signal.getsignal(signal.{name}) is signal.SIG_IGN)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_monitor_leaves_the_terminal_as_it_was(number):
    desk, terminal = pty.openpty()
    board, port = pty.openpty()
    before = termios.tcgetattr(terminal)
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.monitor", "--port", os.ttyname(port)],
        cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    try:
        shown = b""
        while b"prints" not in shown:
            shown += os.read(desk, 1000)
        deadline = time.monotonic() + 30
        while termios.tcgetattr(terminal)[3] == before[3] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert termios.tcgetattr(terminal)[3] != before[3]
        process.send_signal(number)
        assert process.wait(30) == 0
        assert termios.tcgetattr(terminal) == before
    finally:
        process.kill()
        process.wait()
        for descriptor in (desk, terminal, board, port):
            os.close(descriptor)


def test_progress_is_drawn_on_a_terminal_alone(tmp_path, capsys):
    """Here is none: no bar, no carriage return."""
    (tmp_path / drive.INFO).write_text("Board-ID: x")
    threading.Timer(0.5, (tmp_path / drive.INFO).unlink).start()
    drive.copy(b"x" * 1000, tmp_path)
    assert capsys.readouterr().out == "  written; waiting for the board to restart\n"
