"""Help, version, usage errors, exit codes, and that nothing heavy is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from netwright import __version__
from netwright.cli import train as train_module
from netwright.cli.app import app, main

COMMANDS = ["demo", "check", "init", "train", "cv", "tune", "learning-curve"]
COMMANDS += ["evaluate", "predict", "report", "compare", "doctor"]


def run_process(*arguments, cwd, **options):
    command = [sys.executable, "-m", "netwright", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=120, **options
    )


def test_importing_the_command_line_is_light():
    code = "import sys, netwright.cli.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"torch", "polars", "numpy", "pydantic", "sklearn", "matplotlib", "rich", "yaml"}
    assert heavy.isdisjoint(loaded)


def test_help_names_every_command(netwright):
    result = netwright("--help")
    assert result.code == 0
    assert all(f"\n  {command} " in result.out for command in COMMANDS)
    assert [command.name for command in app.registered_commands] == COMMANDS


def test_no_arguments_show_the_help(netwright):
    assert netwright() == netwright("--help")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_json_and_debug(netwright, command):
    result = netwright(command, "--help")
    assert result.code == 0
    assert "--json" in result.out
    assert "--debug" in result.out
    assert "Example" in result.out or command == "demo"


def test_version(netwright):
    assert netwright("--version") == (0, f"netwright {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "did you mean 'train'"),
        (["train", "--tagret", "y"], "--target"),
        (["train", "x.csv", "--effort", "huge"], "'quick', 'normal', 'best'"),
        (["train", "x.csv", "--epochs", "0"], "greater than or equal to 1"),
        (["train", "x.csv", "--target"], "requires an argument"),
        (["predict", "run"], "missing argument 'DATA'"),
        (["--nonsense"], "no such option"),
    ],
)
def test_usage_errors_are_short_and_offer_what_is_right(netwright, arguments, said):
    result = netwright(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert said.lower() in result.err.lower()
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 2
    assert "see: netwright" in result.err


def test_usage_error_as_json(netwright):
    result = netwright("train", "--json", "--tagret", "y")
    assert result.code == 2
    assert result.json["error"]["kind"] == "usage"
    assert "--tagret" in result.json["error"]["message"]


def broken(monkeypatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(train_module, "config_of", fail)


def test_an_unexpected_error_exits_1_and_keeps_the_traceback_for_debug(netwright, monkeypatch):
    broken(monkeypatch, ZeroDivisionError("oh\nno"))
    short, long = netwright("train", "x.csv"), netwright("train", "x.csv", "--debug")
    assert short.code == long.code == 1
    assert "error: ZeroDivisionError: oh\n  run again with --debug" in short.err
    assert "Traceback" not in short.err
    assert "Traceback" in long.err


def test_what_is_no_exception_is_caught_too(netwright, monkeypatch):
    class PanicException(BaseException):
        pass

    broken(monkeypatch, PanicException("index out of bounds"))
    result = netwright("train", "x.csv", "--json")
    assert result.code == 1
    assert result.json["error"]["message"] == "PanicException: index out of bounds"


def test_interrupted(netwright, monkeypatch):
    broken(monkeypatch, KeyboardInterrupt())
    result = netwright("train", "x.csv", "--json")
    assert result.code == 130
    assert result.err.endswith("interrupted\n")
    assert result.json["error"]["kind"] == "interrupted"


def test_memory_error(netwright, monkeypatch):
    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")):
        broken(monkeypatch, error)
        result = netwright("train", "x.csv")
        assert result.code == 1
        assert "the memory is not enough" in result.err


def test_process_exit_code_and_json_alone_on_stdout(tmp_path):
    result = run_process("check", "nothere.csv", "--target", "y", "--json", cwd=tmp_path)
    assert result.returncode == 2
    assert set(json.loads(result.stdout)["error"]) == {"kind", "message", "hint"}
    assert "Traceback" not in result.stderr


def test_process_trains_with_json_alone_on_stdout(tmp_path, table):
    options = ["--target", "-1", "--epochs", "1", "--set", "network.width=4", "--time-limit", "60", "--json"]
    options += ["--set", "doctor.watch=false"]
    result = run_process("train", table, *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    run = json.loads(result.stdout)
    folder = tmp_path / run["run"]
    assert folder.parent == tmp_path / "runs"
    assert folder.name.startswith("people-")
    assert run["metrics"] == json.loads((folder / "metrics.json").read_text())
    # The total counts from the start of the process, before the imports of half a second and more.
    assert run["metrics"]["seconds"]["total"] > sum(
        value for name, value in run["metrics"]["seconds"].items() if name != "total"
    )


def test_a_closed_pipe_is_no_traceback(tmp_path):
    command = f'"{sys.executable}" -m netwright init --schema | true'
    result = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert result.stderr == ""


def test_main_gives_the_code_back():
    assert main(["check", "nothere.csv", "--target", "y"]) == 2
