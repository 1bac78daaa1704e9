"""What careless users give: each bad input has a short, clear answer, and nothing is left half-written."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netwright as nw
from netwright.cli.app import main
from netwright.config import Config, DataConfig, InputsConfig, SplitConfig
from netwright.data.check import check
from netwright.data.clean import clean_rows
from netwright.data.kinds import find_kinds
from netwright.data.read import read
from netwright.data.split import make_split
from netwright.data.target import describe_target, encode_target, find_target
from netwright.errors import InputError

FAST = ("--effort", "quick", "--epochs", "1", "--set", "network.width=4", "--set", "network.heads=2")
FAST += ("--set", "doctor.watch=false")
MOST_LINES = 4


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """What is told of the error, without the stages before it."""
        return self.err[self.err.index("error: ") :]


@pytest.fixture
def netwright(capfd):
    def call(*arguments: object) -> Answer:
        capfd.readouterr()
        code = main([str(each) for each in arguments])
        return Answer(code, *capfd.readouterr())

    return call


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(netwright, place):
    """Runs a command that must be refused: exit code 2, a few plain lines, the words, no trace on disk."""

    def call(*arguments: object, says: str | tuple[str, ...]) -> str:
        before = snapshot(place)
        answer = netwright(*arguments)
        assert answer.code == 2, answer.err
        assert answer.out == ""
        assert "Traceback" not in answer.err
        assert answer.error.count("\n") <= MOST_LINES
        for words in [says] if isinstance(says, str) else says:
            assert words in answer.error
        assert snapshot(place) == before
        return answer.error

    return call


@pytest.fixture
def works(netwright):
    def call(*arguments: object) -> Answer:
        answer = netwright(*arguments)
        assert answer.code == 0, answer.err
        assert "Traceback" not in answer.err
        return answer

    return call


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """All files with their bytes, and all folders."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def people(rows: int = 60) -> pl.DataFrame:
    random = np.random.default_rng(0)
    age = random.normal(50, 10, rows).round(2)
    bought = np.where(age + random.normal(0, 4, rows) > 50, "yes", "no")
    return pl.DataFrame({"age": age, "city": random.choice(["Oslo", "Lima"], rows), "bought": bought})


def part_where(condition: pl.Expr, value: Any, column: str) -> pl.DataFrame:
    """The people with `value` in some rows of a column."""
    return people().with_columns(pl.when(condition).then(pl.lit(value)).otherwise(column).alias(column))


FIRST_3 = pl.int_range(pl.len()) < 3
SHORT_TABLE = "age,city,bought\n" + "".join(
    f"{age * 17 % 30}.5,Oslo,{'yes' if age % 2 else 'no'}\n" for age in range(30)
)
TRAIN = ("train", "people.csv", "--target", "bought", *FAST)
CHECK = ("check", "people.csv", "--target", "bought")


@pytest.fixture
def written(place):
    """Writes people.csv from a frame, text or bytes."""

    def write(content: pl.DataFrame | str | bytes, name: str = "people.csv") -> Path:
        path = place / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path) if name.endswith("parquet") else content.write_csv(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad_input")
    people().write_csv(folder / "people.csv")
    arguments = [
        "train",
        str(folder / "people.csv"),
        "--target",
        "bought",
        "--out",
        str(folder / "run"),
        *FAST,
    ]
    assert main(arguments) == 0
    return folder / "run"


@pytest.fixture
def run(trained, place) -> Path:
    """A run of its own, which a test may damage."""
    return Path(shutil.copytree(trained, place / "run"))


# ---------------------------------------------------------------------------------- files and their form


def test_no_such_file(refused, written):
    written(people())
    refused("train", "peple.csv", "--target", "bought", says=("no such file (peple.csv)", "'people.csv'"))
    error = refused("train", "other.csv", "--target", "bought", says="no such file (other.csv)")
    assert "people" not in error  # only the ending is alike


def test_no_such_folder(refused):
    refused("train", "nowhere/people.csv", "--target", "bought", says="there is no folder 'nowhere'")


def test_a_folder_for_a_file(refused):
    refused("train", ".", "--target", "bought", says="no files in it")


@pytest.mark.parametrize("content", ["", "\n\n \n"])
def test_empty_file(refused, written, content):
    written(content)
    refused(*TRAIN, says=("the file", "people.csv"))


def test_header_only(refused, written):
    written("age,city,bought\n")
    refused(*TRAIN, says="a header but no rows (people.csv)")


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_too_few_rows(refused, written, rows):
    written("".join(SHORT_TABLE.splitlines(keepends=True)[: rows + 1]))
    refused(*TRAIN, says=("row", "give at least 10 rows"))


def test_one_column(refused, written):
    written("bought\n" + "yes\nno\n" * 30)
    refused(*TRAIN, says="no column beside the target (people.csv)")


def test_quoting_that_is_never_closed(works, refused, written):
    written(SHORT_TABLE + '50,"Oslo,yes\n' + '51,Oslo,"no\n')
    found = json.loads(works(*CHECK, "--json").out)["findings"]
    assert "quoting" in [each["id"] for each in found]
    refused(*CHECK, "--set", "data.read.quote='\"'", says=("line 32", "data.read.quote=none"))


def test_text_after_a_closing_quote(refused, written):
    written(SHORT_TABLE + '50,"Oslo" x, more,"yes"\n')
    refused(*CHECK, says=("text follows a closing quote (people.csv, line 32)", "data.read.quote"))


@pytest.mark.parametrize("line", ["50,Oslo,yes,7,8", "50,Oslo"])
def test_rows_of_unequal_length(refused, written, line):
    written(SHORT_TABLE + line + "\n51,Oslo,no\n")
    refused(*TRAIN, says=("where 3 are expected (people.csv, line 32)", "data.read.separator"))


def test_column_names_that_repeat(refused, written):
    written(SHORT_TABLE.replace("age,city", "age,age"))
    refused(*TRAIN, says="column names repeat: 'age'")


def test_an_encoding_that_is_wrong_is_found_out_and_said(works, written):
    written(SHORT_TABLE.replace("Oslo", "Tromsø").encode("latin-1"))
    found = json.loads(works(*CHECK, "--json").out)["findings"]
    assert "cp1252" in next(each["message"] for each in found if each["id"] == "encoding")


@pytest.mark.parametrize(
    ("encoding", "words"), [("utf-8", "the bytes are not utf-8"), ("utf-99", "no encoding 'utf-99'")]
)
def test_an_encoding_that_is_given_wrong(refused, written, encoding, words):
    written(SHORT_TABLE.replace("Oslo", "ø").encode("latin-1"))
    refused(*CHECK, "--set", f"data.read.encoding={encoding}", says=words)


def test_bytes_of_no_table(refused, written):
    written(bytes(range(256)) * 9)
    refused(*TRAIN, says="not a table but binary data")


@pytest.mark.parametrize("name", ["people.csv.gz", "people.parquet", "people.arrow"])
def test_a_packed_file_of_no_bytes(refused, written, name):
    written(b"", name)
    refused("train", name, "--target", "bought", says=f"the file is empty ({name})")


@pytest.mark.parametrize("kept", [5, 60, -3])
def test_truncated_gzip(refused, written, kept):
    written(gzip.compress(people().write_csv().encode())[:kept], "people.csv.gz")
    refused("train", "people.csv.gz", "--target", "bought", says="the gzip file is cut short or damaged")


def test_truncated_or_damaged_parquet(refused, written):
    whole = written(people(), "people.parquet").read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:60] + b"\xff" * 80 + whole[140:]):
        written(broken, "people.parquet")
        says = "the Parquet file is cut short or damaged"
        refused("train", "people.parquet", "--target", "bought", says=says)


# ---------------------------------------------------------------------------------------------- targets


def test_a_target_that_is_not_there(refused, written):
    written(people())
    refused("train", "people.csv", "--target", "bougth", says=("no column 'bougth'", "did you mean 'bought'"))
    refused("train", "people.csv", "--target", "y", says="there are: age, city, bought")


@pytest.mark.parametrize("target", ["", ",", " "])
def test_no_target(refused, written, target):
    written(people())
    refused("train", "people.csv", "--target", target, says=("no target is given", "--target"))


def test_a_target_by_number(works, refused, written):
    written(people())
    assert json.loads(works("check", "people.csv", "--target", "-1", "--json").out)["target"]["columns"] == [
        "bought"
    ]
    refused("train", "people.csv", "--target", "9", says=("no column number 9", "0 to 2"))
    refused("train", "people.csv", "--target", "-9", says="no column number -9")


def test_several_targets(refused, written):
    written(people())
    refused("train", "people.csv", "--target", "age,bought", says="neither all numbers nor all yes/no")
    refused("train", "people.csv", "--target", "bought,bought", says="'bought' is given twice")
    refused("train", "people.csv", "--target", "bought,cty", says="did you mean 'city'")


def test_a_target_that_is_missing_everywhere(refused, written):
    written(people().with_columns(bought=pl.lit(None, pl.String)))
    refused(*TRAIN, says="no row has a value in the target 'bought'")


def test_a_target_that_is_missing_in_part(works, refused, written):
    written(part_where(FIRST_3, None, "bought"))
    assert "3 rows of 60 without the target 'bought'" in works(*TRAIN).err
    shutil.rmtree("runs")
    says = ("3 rows without the target", "the first is row 0")
    refused(*TRAIN, "--set", "data.clean.missing_target=error", says=says)


def test_one_class_only(refused, written):
    written(people().with_columns(bought=pl.lit("yes")))
    refused(*TRAIN, says=("'bought' is 'yes' in all rows", "nothing to predict"))


def test_a_class_with_one_row(works, written):
    written(part_where(pl.int_range(pl.len()) == 7, "maybe", "bought"))
    answer = works(*TRAIN, "--json")
    assert "too few rows to be on every side: maybe" in answer.err
    assert json.loads(answer.out)["metrics"]["classes"] == ["maybe", "no", "yes"]


def test_a_target_that_is_an_id(refused, written):
    written(people().with_columns(bought=pl.format("u{}", pl.int_range(pl.len()))))
    refused(*TRAIN, says=("a different value of the target 'bought'", "id"))
    written(people().with_columns(bought=pl.int_range(pl.len())))
    refused(*TRAIN, says=("'bought' counts the rows", "data.task=regression"))


def test_an_infinite_target(refused, written):
    written(people().with_columns(bought=pl.when(FIRST_3).then(float("inf")).otherwise("age")))
    refused(*TRAIN, says=("the target 'bought' is infinite", "row 0"))


# ---------------------------------------------------------------------------------------------- columns


def test_a_column_without_values(works, written):
    written(people().with_columns(notes=pl.lit(None, pl.String)))
    assert "without a single value: 'notes'" in works(*TRAIN).err


def test_infinite_values(works, written):
    written(part_where(FIRST_3, float("inf"), "age"))
    answer = works(*TRAIN, "--json")
    assert "3 rows with infinite numbers: 'age' (3)" in answer.err
    assert json.loads(answer.out)["metrics"]["test"]["log_loss"] is not None


def test_only_constant_columns(refused, written):
    written("age,city,bought\n" + "1,Oslo,yes\n1,Oslo,no\n" * 30)
    refused(*TRAIN, says="every column but the target holds the same value")


def test_only_ids(refused, written):
    written(people().select(pl.format("u{}x", pl.int_range(1000, 1060)).alias("key"), "bought"))
    refused(*TRAIN, says=("no column is left", "data.kinds"))


@pytest.mark.parametrize("cell", ["nan", "", "-1", "inf", "much"])
def test_a_row_weight_that_is_none(refused, written, cell):
    cells = pl.Series("w", ["1"] * 7 + [cell] + ["1"] * 52)
    written(people().with_columns(cells))
    refused(*TRAIN, "--set", "data.weight=w", says=("weights 'w'", "row 7", "a number of 0 or more"))


@pytest.mark.slow
def test_10_000_columns(works, written):
    numbers = np.random.default_rng(0).normal(size=(60, 10_000)).round(2)
    written(people().with_columns(pl.DataFrame(numbers, schema=[f"x{place}" for place in range(10_000)])))
    assert json.loads(works(*TRAIN, "--json").out)["metrics"]["rows"]["test"] == 12


# ------------------------------------------------------------------------------------------------ split


def with_split(*parts: tuple[str, int]) -> pl.DataFrame:
    words = [word for word, count in parts for _ in range(count)]
    return people().with_columns(part=pl.Series(words))


def test_a_split_column_with_an_unknown_word(refused, written):
    written(with_split(("train", 39), ("tset", 1), ("test", 20)))
    says = ("'part' has the unknown word 'tset' (row 39", "train, validation (or val), test and ignore")
    refused(*TRAIN, "--split-column", "part", says=says)


@pytest.mark.parametrize(("word", "lacks"), [("train", "no test rows"), ("test", "no training rows")])
def test_a_split_column_that_lacks_a_part(refused, written, word, lacks):
    written(with_split((word, 60)))
    refused(*TRAIN, "--split-column", "part", says=lacks)


def test_a_split_column_that_is_not_there_or_is_the_target(refused, written):
    written(with_split(("train", 40), ("test", 20)))
    refused(*TRAIN, "--split-column", "prat", says=("no column 'prat' (split.column)", "did you mean 'part'"))
    refused(*TRAIN, "--split-column", "bought", says="'bought' is the target already (split.column)")


# ---------------------------------------------------------------------------------------------- predict


def test_predict_without_a_column(refused, run, written):
    written(people().drop("age"))
    refused("predict", "run", "people.csv", "-o", "p.csv", says="lacks column 'age'")
    written(people().rename({"age": "Age"}))
    refused("evaluate", "run", "people.csv", says=("lacks column 'age'", "is 'Age' meant?"))


def test_predict_with_an_extra_column(works, run, written):
    written(people().with_columns(shoe_size=43))
    assert (
        "Column 'shoe_size' unknown to the network" in works("predict", run, "people.csv", "-o", "p.csv").err
    )


def test_predict_with_a_column_of_another_kind(refused, works, run, written):
    written(people().with_columns(age=pl.lit("old")))
    says = ("column 'age'", "number", "such as 'old'")
    refused("predict", "run", "people.csv", "-o", "p.csv", says=says)
    written(people().with_columns(age=pl.when(FIRST_3).then(pl.lit("old")).otherwise("age")))
    assert "3 cells of 'age' are no number" in works("predict", "run", "people.csv", "-o", "p.csv").err


def test_predict_with_unseen_categories(works, run, written):
    written(people().with_columns(city=pl.lit("Kyoto")))
    answer = works("predict", "run", "people.csv")
    assert "60 cells of 'city' hold values that training did not see" in answer.err
    assert len(answer.out.splitlines()) == 61


def test_evaluate_without_a_target(refused, run, written):
    written(people().drop("bought"))
    refused("evaluate", "run", "people.csv", says="no column 'bought', the target")
    written(people().with_columns(bought=pl.lit("perhaps")))
    refused("evaluate", "run", "people.csv", says=("no row of the target", "it knows"))


# ----------------------------------------------------------------------------------------------- output


def test_an_output_folder_that_exists(refused, written, run):
    written(people())
    refused(*TRAIN, "--out", "run", says=("is not empty (run)", "--overwrite"))
    refused(*TRAIN, "--out", "people.csv", says="is a file (people.csv)")
    refused(*TRAIN, "--out", ".", "--overwrite", says="replaces only runs")


def test_an_output_folder_that_cannot_be_made(refused, written):
    written(people())
    refused(*TRAIN, "--out", "people.csv/run", says=("cannot be made", "give another --out"))


def test_an_output_folder_that_cannot_be_written(refused, written, place, monkeypatch):
    written(people())
    (place / "locked").mkdir()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "locked" and allowed(path, mode))
    refused(*TRAIN, "--out", "locked", says="cannot be written (locked)")


def test_a_run_stays_whole_until_another_can_take_its_place(refused, written, run):
    written(people().with_columns(bought=pl.lit("yes")))
    refused(*TRAIN, "--out", "run", "--overwrite", says="'yes' in all rows")
    refused("train", "nothere.csv", "--target", "y", "--out", "run", "--overwrite", says="no such file")


@pytest.mark.parametrize(("last", "left"), [("log.txt", set()), ("metrics.json", {"model", "config.yaml"})])
def test_a_full_disk(netwright, written, place, monkeypatch, last, left):
    """From the file `last` on, nothing can be written."""
    written(people())
    replace, full = os.replace, []

    def until_full(source: str, target: Path) -> None:
        full.append(any(full) or target.name == last)
        if full[-1]:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", until_full)
    answer = netwright(*TRAIN, "--out", "run")
    assert answer.code == 1
    assert answer.error == f"error: run/{last} cannot be written: No space left on device\n"
    assert left <= {path.name for path in place.glob("run/*")}
    assert not list(place.rglob(f"*{last}*"))


@pytest.mark.parametrize(
    ("name", "words"), [("p.xls", "'.xls' names no format"), ("run", "'-o run'"), ("people.csv", "exists")]
)
def test_predictions_in_a_wrong_place(refused, written, run, name, words):
    written(people())
    refused("predict", "run", "people.csv", "-o", name, says=words.replace("'-o run'", "-o run"))


# ----------------------------------------------------------------------------------------------- config


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("trainin: {epochs: 3}", ("unknown key 'trainin'", "'training'")),
        ("training: {epoch: 3}", ("unknown key 'training.epoch'", "'epochs'")),
        ("training: {epochs: many}", ("training.epochs: 'many'", "a whole number or 'auto'")),
        ("training: {epochs: 0}", ("training.epochs: 0", "greater than or equal to 1")),
        ("training: {learning_rate: .inf}", ("training.learning_rate: inf", "a finite number")),
        ("training: 3", ("training: 3", "a section of keys")),
        ("network: {kind: cnn}", ("network.kind: 'cnn'", "'auto', 'mlp', 'residual', 'tabm' or 'layers'")),
        ("data: {kinds: {age: numbr}}", ("data.kinds.age: 'numbr'", "'number', 'category'")),
        ("data: {kinds: {agee: number}}", ("no column 'agee'", "'age'")),
        ("inputs: {columns: {age: {bims: 3}}}", ("'inputs.columns.age.bims'", "'bins'")),
        ("inputs: {columns: {age: {bins: 1}}}", ("inputs.columns.age.bins: 1", "or equal to 2")),
        ("inputs: {columns: {city: {bins: 4}}}", ("'city' is of kind", "no setting 'bins'")),
        ("split: {test: 0.6, validation: 0.6}", ("leave no rows to train on", "below 1")),
        ("- training", ("a mapping of sections", "data, split, inputs")),
        ("training: [", ("not valid YAML", "line 1")),
    ],
)
def test_a_config_with_an_unknown_key_or_a_wrong_value(refused, written, text, says):
    written(people())
    written(text, "run.yaml")
    refused(*CHECK, "--config", "run.yaml", says=says)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("epochs=3", "did you mean 'training.epochs'?"),
        ("training.epochs", "key=value"),
        ("training.epochs=[", "not valid YAML"),
        ("training.epochs.x=3", "'training.epochs' holds a value, not a section"),
        ("inputs.columns.age.bims=3", "'bins'"),
    ],
)
def test_a_setting_that_is_wrong(refused, written, change, says):
    written(people())
    refused(*CHECK, "--set", change, says=says)


def test_settings_below_names_of_the_user():
    changes = ["inputs.columns.age.bins=9", "data.kinds.a=id", "data.clean.spellings.city.oslo=Oslo"]
    config = Config().with_values([*changes, "training.class_weights.yes=2"])
    assert config.inputs.columns == {"age": {"bins": 9}}
    assert config.data.kinds == {"a": "id"}
    assert config.data.clean.spellings == {"city": {"oslo": "Oslo"}}
    assert config.training.class_weights == {"yes": 2.0}


def test_a_section_without_keys_and_a_single_name_are_understood():
    config = Config.parse({"training": None, "data": {"sensitive": "sex", "target": [-1]}})
    assert config == Config.parse({"data": {"sensitive": ["sex"], "target": ["-1"]}})


@pytest.mark.parametrize("path", ["nothere.yaml", ".", "binary.yaml"])
def test_a_config_that_cannot_be_read(refused, written, path):
    written(people())
    written(b"\xff\xfe\x00", "binary.yaml")
    assert "Errno" not in refused(*CHECK, "--config", path, says=("config", path))


@pytest.mark.parametrize("name", ["efort", "training__epoch", "trainin__epochs"])
def test_a_setting_in_python_that_is_unknown(name):
    with pytest.raises(InputError, match=r"unknown .*did you mean '(effort|epochs|training)'"):
        nw.check(people(), target="bought", **{name: 1})


# ----------------------------------------------------------------------------------------- command line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trian"], "'train'"),
        (["train", "--tagret", "y"], "--target"),
        (["train", "x.csv", "--effort", "huge"], "'quick', 'normal', 'best'"),
        (["predict", "run"], "DATA"),
    ],
)
def test_unknown_commands_and_options_offer_the_nearest(refused, arguments, says):
    refused(*arguments, says=says)


@pytest.mark.parametrize(
    "arguments",
    [
        ["trian"],
        ["train", "--tagret", "y"],
        ["check", "x.csv", "--target", "y"],
        ["predict", "no", "x.csv"],
        ["train"],
    ],
)
def test_errors_as_json_are_one_object_on_stdout(netwright, place, arguments):
    answer = netwright(*arguments, "--json")
    assert answer.code == 2
    assert answer.out.count("\n") == 1
    error = json.loads(answer.out)["error"]
    assert error.keys() == {"kind", "message", "hint"}
    assert error["message"] in answer.err


# ------------------------------------------------------------------------------------------ saved models

MODEL_FILES = ("network.safetensors", "network.json", "schema.json")


@pytest.mark.parametrize("name", MODEL_FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other"])
def test_a_damaged_model(refused, written, run, name, damage):
    written(people())
    path = run / "model" / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other": b'{"a": [1]}'}[damage])
    error = refused("predict", "run", "people.csv", says=name)
    assert any(word in error for word in ("missing", "damaged", "no model of Netwright's"))
    assert "newer" not in error


@pytest.mark.parametrize("name", MODEL_FILES[1:])
def test_a_model_of_a_newer_version(refused, written, run, name):
    written(people())
    path = run / "model" / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    refused("predict", "run", "people.csv", says=("version 99", name, "pip install -U netwright"))


def test_a_run_without_its_config_still_predicts(works, written, run):
    written(people())
    (run / "config.yaml").unlink()
    works("predict", "run", "people.csv")


@pytest.mark.parametrize("name", ["metrics.json", "findings.json", "evaluation.json", "config.yaml"])
def test_a_report_of_a_damaged_run(refused, run, name):
    (run / name).write_bytes(b"\xff\x00[")
    refused("report", "run", says=name)


# -------------------------------------------------------------------------------------------- odd tables

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=6)
CELLS = st.one_of(
    st.sampled_from(["", "NA", "?", "-", "null", "nan", "inf", "-inf", "1e999", "true", "no", "2020-02-30"]),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)


@st.composite
def odd_tables(draw) -> bytes:
    """Text of a table: few rows of random cells, columns of one sort or mixed, more or less well quoted."""
    width, height = draw(st.integers(1, 5)), draw(st.sampled_from([0, 1, 5, 20, 40]))
    sizes = [draw(st.sampled_from([1, 2, 3, 30])) for _ in range(width)]
    pools = [draw(st.lists(CELLS, min_size=min(size, 3), max_size=size)) for size in sizes]
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    rows = [[pool[random.integers(len(pool))] for pool in pools] for _ in range(height)]
    names = draw(st.lists(NAMES, min_size=width, max_size=width))
    separator, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n"]))
    quoted = draw(st.sampled_from(["always", "where needed", "never"]))

    def cell(text: str) -> str:
        needed = any(mark in text for mark in (separator, '"', "\n", "\r"))
        if quoted == "always" or (quoted == "where needed" and needed):
            return '"' + text.replace('"', '""') + '"'
        return text

    lines = [separator.join(map(cell, row)) for row in [names, *rows]]
    return end.join(lines).encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(content=odd_tables(), target=st.integers(-1, 1), seed=st.integers(0, 5))
def test_odd_tables_are_understood_or_refused(tmp_path_factory, content, target, seed):
    path = tmp_path_factory.mktemp("odd") / "table.csv"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        holds_together(path, target, seed)


def holds_together(path: Path, target: int, seed: int) -> None:
    table = read(path)
    assert all(dtype == pl.String for dtype in table.frame.dtypes)
    assert len(set(table.columns)) == len(table.columns)
    data = DataConfig(target=find_target(table, [str(target)]))
    table, _ = clean_rows(table, data)
    split = make_split(table, SplitConfig(), data, seed)
    assert len(split.train) + len(split.validation) + len(split.test) == len(table)
    assert min(map(len, (split.train, split.validation, split.test))) > 0
    described = describe_target(table, split, data)
    schema = find_kinds(table, split.train, described, data, InputsConfig(), set())
    assert {column.name for column in schema.columns} | set(data.target) == set(table.columns)
    for finding in check(table, split, schema, data):
        assert set(finding.columns) <= set(table.columns)
        json.dumps(finding.as_dict())
    assert len(encode_target(table, described)) == len(table)
