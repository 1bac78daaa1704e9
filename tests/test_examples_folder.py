"""The programs in examples/ run, and print what they are for."""

import re
import runpy
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "examples"


def test_ten_classes_is_a_program_for_keras_but_for_its_imports(capsys):
    runpy.run_path(str(FOLDER / "ten_classes.py"), run_name="__main__")
    told = capsys.readouterr().out
    assert "Epoch 10/10" in told
    assert "25/25" in told  # 800 of the 1000 rows train, 32 at a time
    loss, accuracy = (float(re.search(f"Test {name}: (.+)", told)[1]) for name in ("loss", "accuracy"))
    assert 2 < loss < 3  # the labels are random: little is better or worse than log(10)
    assert accuracy < 0.3
    text = (FOLDER / "ten_classes.py").read_text()
    imports = [line for line in text.splitlines() if line.startswith(("import", "from"))]
    assert imports == ["import numpy as np", "import netwright as keras", "from netwright import layers"]
    assert "netwright" not in text.replace("\n".join(imports[1:]), "")


def test_xor_learns_the_rule_and_draws_it(tmp_path, monkeypatch, capsys):
    points = np.random.default_rng(1).uniform(-5, 5, (400, 2))
    label = (points[:, 0] * points[:, 1] < 0).astype(int)
    rows = [f"{x},{y},{code}" for (x, y), code in zip(points, label, strict=True)]
    (tmp_path / "xor.csv").write_text("x,y,class id\n" + "\n".join(rows))
    picture = tmp_path / "surface.png"
    arguments = [str(tmp_path / "xor.csv"), "--runs", "1", "--epochs", "40", "--surface", str(picture)]
    monkeypatch.setattr("sys.argv", ["xor.py", *arguments])
    runpy.run_path(str(FOLDER / "xor.py"), run_name="__main__")
    means = [float(each) for each in re.findall(r"mean ([\d.]+)", capsys.readouterr().out)]
    assert len(means) == 2
    assert min(means) > 0.8
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_xor_draws_rows_of_its_own_without_a_file():
    table = runpy.run_path(str(FOLDER / "xor.py"))["rows"](None)
    assert list(table) == ["x", "y", "class id"]
    assert len(table) == 1000
    assert ((np.sign(table["x"]) != np.sign(table["y"])) == table["class id"].astype(bool)).all()
