from __future__ import annotations

from netwright.runs.folder import clear_folder


def test_all_that_a_run_leaves_goes_and_nothing_else(tmp_path):
    for name in ("config.yaml", "diagnoses.json", "report.html", "own.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "model").mkdir()
    clear_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["own.txt"]
