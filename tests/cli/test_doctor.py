from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from netwright.cli.summary import diagnosed
from netwright.doctor.attempt import Attempt
from netwright.doctor.catalogue import SYMPTOMS
from netwright.doctor.diagnosis import Diagnosis, Examination, Fix, NotChecked, ranked

FOUND = Examination(
    ranked(
        [
            Diagnosis(
                "rate_too_high",
                "error",
                "steps are half of the weights",
                {"ratio": 0.5},
                "rate",
                Fix("less", {"training.learning_rate": 0.01}),
            ),
            Diagnosis("drift", "note", "age differs", {}, "time", Fix("split by time")),
        ]
    ),
    [NotChecked("padding", "there are no texts")],
)


@pytest.fixture
def seen(tmp_path):
    (tmp_path / "diagnoses.json").write_text(json.dumps(FOUND.as_dict()))
    (tmp_path / "metrics.json").write_text("{}")
    return tmp_path


def test_a_run_is_told_in_words(netwright, seen):
    result = netwright("doctor", seen)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Error: A learning rate that is too high (rate_too_high):\n  Steps are half")
    assert "  As options: --set training.learning_rate=0.01\n" in result.out
    assert result.out.index("Also seen:") < result.out.index("age differs".capitalize())
    assert "  padding: there are no texts\n" in result.out


def test_a_run_as_json_is_what_its_file_holds(netwright, seen):
    content = json.loads((seen / "diagnoses.json").read_text())
    assert netwright("doctor", seen, "--json").json == {"run": str(seen)} | content


def test_a_study_tells_of_its_winner(netwright, seen, tmp_path_factory):
    study = tmp_path_factory.mktemp("study")
    (study / "study.json").write_text("{}")
    seen.rename(study / "best")
    assert "rate_too_high" in netwright("doctor", study).out


def test_what_has_no_diagnoses_is_told(netwright, seen, tmp_path):
    (seen / "diagnoses.json").unlink()
    result = netwright("doctor", seen)
    assert result.code == 2
    assert "no doctor looked at this run" in result.err
    assert "train again" in result.err
    assert "not the folder of a finished run" in netwright("doctor", tmp_path / "nothing").err


def test_all_symptoms_are_listed(netwright):
    out = netwright("doctor", "--list").out
    lines = [line.split() for line in out.splitlines() if line.startswith("  ")]
    assert [line[0] for line in lines] == list(SYMPTOMS)
    assert [each["id"] for each in netwright("doctor", "--list", "--json").json["symptoms"]] == list(SYMPTOMS)


def test_a_symptom_is_explained(netwright):
    out = " ".join(netwright("doctor", "--explain", "dead-units").out.split())
    symptom = SYMPTOMS["dead_units"]
    for words in (symptom.title, symptom.what, symptom.looks, symptom.why, *symptom.todo, symptom.source):
        assert words in out
    assert "no alarm" in out
    assert netwright("doctor", "--explain", "dead_units", "--json").json["symptom"]["todo"] == list(
        symptom.todo
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--explain", "overfiting"], "did you mean 'overfitting'?"),
        ([], "nothing to look at"),
        (["--list", "--explain", "drift"], "one thing at a time"),
    ],
)
def test_mistakes_are_told(netwright, arguments, said):
    result = netwright("doctor", *arguments)
    assert result.code == 2
    assert said in result.err


@pytest.mark.parametrize("arguments", [["--list"], ["--explain", "drift"]])
def test_words_need_nothing_heavy(arguments):
    run = f"main(['doctor', *{arguments!r}])"
    code = f"import sys; from netwright.cli.app import main; {run}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "numpy", "polars", "matplotlib", "netwright.config"}
    assert heavy.isdisjoint(done.stdout.splitlines()[-1].split())


def test_a_summary_names_what_to_begin_with(seen):
    said = diagnosed(FOUND, seen, 80).splitlines()
    assert said[0] == "1 error, 1 note"
    assert said[1].strip() == "error: A learning rate that is too high: steps are half of the weights"
    assert said[2].strip() == f"see: netwright doctor {seen}"
    assert len(diagnosed(FOUND, seen, 40).splitlines()[1].strip()) <= 40
    noted = Examination(FOUND.diagnoses[1:])
    assert diagnosed(noted, seen, 80) == "nothing that does harm, 1 note"
    assert diagnosed(Examination(), seen, 80) == "nothing that does harm"


@pytest.mark.usefixtures("no_pages")
def test_repair_trains_again_beside_the_run(netwright, tmp_path):
    from netwright.api import train

    settings = {
        "network": {"kind": "tabm", "width": 8, "depth": 1, "heads": 2},
        "training": {"epochs": 3, "threads": 1, "precision": "float32", "device": "cpu", "members": 1},
    }
    run = train("sample:iris", "target", config=settings, out=tmp_path / "run", progress=False)
    result = netwright("doctor", run.folder, "--repair", "--json")
    assert result.code == 0
    assert result.json["run"] == str(tmp_path / "run-repaired")
    assert result.json["before"]["accuracy"] == run.metrics["test"]["accuracy"]
    content = json.loads((tmp_path / "run-repaired" / "diagnoses.json").read_text())
    assert result.json["repairs"] == content["repairs"]


@pytest.mark.parametrize("options", [["--repair"], ["--list", "--repair"], ["--list", "--out", "x"]])
def test_repair_needs_a_run(netwright, options):
    result = netwright("doctor", *options)
    assert result.code == 2
    assert "netwright doctor RUN --repair" in result.err


def test_the_end_of_a_run_tells_what_was_repaired(tmp_path):
    found = Diagnosis(
        "rate_too_low", "error", "the steps are small", {}, "a low rate", Fix("a higher one"), True
    )
    tried = Attempt("rate_too_low", ("learning rate 0.001",), 0.5, 0.75, 0.01, 6, False, "only a trial")
    kept = replace(tried, accepted=True, after=0.8)
    told = diagnosed(Examination([found], [], [tried, kept]), tmp_path, 100)
    assert "repaired: learning rate 0.001: 0.500 to 0.800" in told
    assert "0.750" not in told
    assert "none proved to help" in diagnosed(Examination([found], [], [tried]), tmp_path, 100)
    assert "repair" not in diagnosed(Examination([found]), tmp_path, 100)
