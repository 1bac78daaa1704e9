"""`netwright tune`: options, output, resuming, and refusals."""

from __future__ import annotations

import io

import pytest
import yaml
from rich.console import Console
from tests.cli.conftest import FAST

from netwright.cli.live import LiveDisplay
from netwright.cli.trials import TrialsScreen, best_of, trials_table
from netwright.tuning.search import Trial


@pytest.fixture(scope="session")
def study(tmp_path_factory, table):
    from netwright.cli.app import main

    folder = tmp_path_factory.mktemp("studies") / "first"
    options = ["--trials", "3", "--search", "random", "--out", str(folder), *FAST]
    assert main(["tune", str(table), "--target", "bought", *options]) == 0
    return folder


def test_a_search_tells_its_best_trials_and_its_winner(netwright, table, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("training.learning_rate: {low: 1e-3, high: 1e-2, log: true}\nnetwork.depth: [1, 2]\n")
    folder = tmp_path / "study"
    done = netwright(
        *("tune", table, "--target", "bought", "--trials", 4, "--space", space, "--prune", "none"),
        *("--out", folder, *FAST),
    )
    assert done.code == 0
    assert "4 of 4 trials" in done.err
    assert "learning_rate  depth" in done.out
    assert "test rows, used for nothing else" in done.out
    assert str(folder / "study.html") in done.out
    assert yaml.safe_load((folder / "tune.yaml").read_text())["tune"]["space"]["network.depth"] == [1, 2]


def test_json_holds_the_trials_and_the_winner(netwright, study):
    done = netwright("tune", "--resume", study, "--trials", 4, "--json")
    assert done.code == 0
    assert len(done.json["trials"]) == 4
    assert done.json["run"] == str(study / "best")
    assert done.json["metrics"]["test"]["accuracy"] is not None


def test_the_commands_of_runs_take_a_study(netwright, study, table, tmp_path):
    assert netwright("predict", study, table, "-o", tmp_path / "p.csv").code == 0
    assert netwright("evaluate", study, table, "--json").json["metrics"] is not None
    page = (study / "study.html").read_bytes()
    (study / "study.html").unlink()
    assert netwright("report", study).code == 0
    assert (study / "study.html").read_bytes() == page


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--search", "tpa"], "'tpa' is not one of"),
        (["--space", "nowhere.yaml"], "cannot be read"),
        (["--set", "tune.space={network.widht: [8]}"], "did you mean 'width'"),
        (["--set", "tune.trails=3"], "did you mean 'trials'"),
        (["--folds", "1"], "folds"),
        (["--folds", "1000"], "1000 folds"),
        (["--search", "grid"], "values that can be counted"),
        (["--storage", "sqlite:////nowhere/at/all.db"], "storage cannot be opened"),
        (["--resume", "nowhere"], "no study to go on with"),
    ],
)
def test_bad_input_is_told_in_a_line(netwright, table, tmp_path, options, what):
    out = [] if "--resume" in options else ["--out", tmp_path / "study"]
    done = netwright("tune", table, "--target", "bought", *options, *out)
    assert done.code == 2
    assert what in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "study").exists()


def test_a_study_of_something_else_is_refused(netwright, study, table):
    before = (study / "trials.csv").read_bytes()
    done = netwright("tune", table, "--resume", study, "--set", "network.depth=3")
    assert done.code == 2
    assert "the study was made with other settings of network or training" in done.err
    assert "goes on with" not in done.err
    assert (study / "trials.csv").read_bytes() == before


TRIALS = [
    Trial(0, {"training.learning_rate": 0.003, "network.kind": "mlp"}, "complete", 0.5, 1.0),
    Trial(1, {"training.learning_rate": 0.01, "network.kind": "tabm"}, "complete", 0.25, 2.0),
    Trial(2, {"training.learning_rate": 0.9, "network.kind": "tabm"}, "diverged"),
]


def test_plain_lines_where_there_is_no_terminal(capsys):
    TrialsScreen().trials(3, 8, TRIALS)
    assert capsys.readouterr().err == "  3 of 8 trials, 1 lost, best 0.2500 (trial 1)\n"


def test_the_live_table_has_the_best_first():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    display = LiveDisplay(console)
    display.stage("searching")
    display.above(trials_table(best_of(TRIALS), "3 of 8 trials"))
    display.close()
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    lines = [line.split() for line in shown.splitlines()]
    places = [place for place, line in enumerate(lines) if "0.2500" in line or "0.5000" in line]
    assert "learning_rate" in shown
    assert lines[places[0]][:2] == ["1", "0.2500"]
