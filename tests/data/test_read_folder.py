"""Folders and zips of pictures, sounds and texts."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from netwright.data.media.found import find_media
from netwright.data.read import read
from netwright.data.read.folder import is_media_folder, read_folder
from netwright.data.table import Table
from netwright.errors import InputError


def make(folder: Path, *files: str) -> Path:
    """Files whose content is their path."""
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    return folder


def ids(table: Table) -> set[str]:
    return {finding.id for finding in table.findings}


@pytest.fixture(params=["folder", "zip"])
def as_given(request: pytest.FixtureRequest, tmp_path: Path):
    """A folder as it is, or as a zip of it."""

    def given(folder: Path) -> Path:
        if request.param == "folder":
            return folder
        return Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))

    return given


def test_class_folders_give_paths_and_labels(tmp_path: Path, as_given) -> None:
    path = as_given(make(tmp_path / "d", "b/2.PNG", "b/1.jpg", "a/3.png", "a/deeper/4.gif"))
    table = read_folder(path)
    assert table.frame.rows() == [
        ("a/3.png", "a"),
        ("a/deeper/4.gif", "a"),
        ("b/1.jpg", "b"),
        ("b/2.PNG", "b"),
    ]
    assert table.columns == ["image", "label"]
    assert (table.target, table.split_column, table.folder) == ("label", None, path)
    assert table.media["image"].kind == "image"
    assert table.media["image"].content("a/deeper/4.gif") == b"a/deeper/4.gif"
    assert table.findings == []
    assert is_media_folder(path)


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Training", "validation", "Testing"), ("my_train", "my_dev", "my_test")],
)
def test_folders_of_parts_become_the_split_column(tmp_path: Path, names: tuple[str, ...]) -> None:
    make(tmp_path, *(f"{part}/{label}/{number}.wav" for part in names for label in "ab" for number in "12"))
    table = read_folder(tmp_path)
    assert table.columns == ["sound", "label", "split"]
    assert table.split_column == "split"
    words = dict(zip(names, ("train", "validation", "test"), strict=True))
    for path, label, split in table.frame.iter_rows():
        assert words[path.split("/")[0]] == split
        assert path.split("/")[1] == label


def test_validation_becomes_test_where_there_is_none(tmp_path: Path) -> None:
    make(tmp_path, *(f"{part}/{label}/{n}.png" for part in ("train", "val") for label in "ab" for n in "12"))
    table = read_folder(tmp_path)
    assert sorted(table.frame["split"].unique()) == ["test", "train"]
    assert "validation_as_test" in ids(table)


def test_classes_may_be_called_like_parts(tmp_path: Path) -> None:
    make(tmp_path, *(f"{label}/{n}.png" for label in ("train", "crash_test", "bus") for n in "12"))
    table = read_folder(tmp_path)
    assert "split" not in table.columns
    assert table.frame["label"].unique().sort().to_list() == ["bus", "crash_test", "train"]


def test_wrappers_hidden_files_and_strangers(tmp_path: Path, as_given) -> None:
    folder = make(
        tmp_path / "d",
        *("README.md", "all/data/a/1.png", "all/data/a/2.png", "all/data/b/1.png", "all/data/b/2.png"),
        *("all/data/a/Thumbs.db", "all/data/a/.hidden.png", "__MACOSX/all/a/._1.png", "all/data/b/notes.pdf"),
        "all/data/b/old.heic",
    )
    (folder / "all/data/c").mkdir()
    table = read_folder(as_given(folder))
    assert table.frame["image"].to_list() == [f"all/data/{c}/{n}.png" for c in "ab" for n in "12"]
    assert table.frame["label"].to_list() == list("aabb")
    others = next(each for each in table.findings if each.id == "other_files")
    assert others.rows == 3
    assert ".heic is not read" in others.action
    assert "empty_folders" in ids(table)


def test_text_files_are_read(tmp_path: Path, as_given) -> None:
    folder = make(tmp_path / "d", "good/1.txt", "good/2.txt", "bad/1.txt", "bad/2.txt")
    (folder / "good/2.txt").write_bytes("  caf\xe9 \n".encode("latin-1"))
    (folder / "bad/2.txt").write_bytes(b" \n")
    table = read_folder(as_given(folder))
    assert table.frame.rows() == [
        ("bad/1.txt", "bad"),
        (None, "bad"),
        ("good/1.txt", "good"),
        ("café", "good"),
    ]
    assert table.columns == ["text", "label"]
    assert not table.media
    assert "text_encoding" in ids(table)


def test_text_files_without_endings(tmp_path: Path) -> None:
    table = read_folder(make(tmp_path, "alt.atheism/49960", "alt.atheism/5", "sci.med/7", "sci.med/8"))
    assert table.frame["text"].to_list() == ["alt.atheism/49960", "alt.atheism/5", "sci.med/7", "sci.med/8"]


def test_files_that_cannot_be_learnt_from(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    cases = {
        "no files": tmp_path / "empty",
        "only one class, 'a'": make(tmp_path / "one", "a/1.png", "a/2.png"),
        "no class folders": make(tmp_path / "flat", "1.png", "2.png"),
        "both 2 pictures and 2 sounds": make(tmp_path / "both", "a/1.png", "a/1.wav", "b/1.png", "b/1.wav"),
        r"\.m4a are not read": make(tmp_path / "m4a", "a/1.m4a", "b/2.m4a"),
        "no pictures, sounds or text files": make(tmp_path / "tables", "a/1.csv"),
    }
    for message, folder in cases.items():
        with pytest.raises(InputError, match=message):
            read_folder(folder)


def test_a_class_of_one_is_told(tmp_path: Path) -> None:
    table = read_folder(make(tmp_path, "a/1.png", "a/2.png", "b/1.png"))
    assert len(table) == 3
    assert "classes_of_one" in ids(table)


def test_test_folder_without_classes(tmp_path: Path) -> None:
    table = read_folder(make(tmp_path, "train/a/1.png", "train/b/1.png", "test/1.png", "test/2.png"))
    assert table.columns == ["image", "label"]
    assert table.frame["image"].to_list() == ["train/a/1.png", "train/b/1.png"]
    assert next(each for each in table.findings if each.id == "files_without_class").rows == 2


def test_to_predict_no_classes_are_needed(tmp_path: Path) -> None:
    flat = read_folder(make(tmp_path / "flat", "1.png", "2.png"), labelled=False)
    assert flat.columns == ["image"]
    assert flat.target is None
    classes = read_folder(make(tmp_path / "two", "a/1.png", "b/2.png"), labelled=False)
    assert classes.columns == ["image", "label"]
    single = read_folder(tmp_path / "flat" / "1.png")
    assert single.frame.rows() == [("1.png",)]
    assert single.media["image"].content("1.png") == b"1.png"


def test_a_table_in_the_folder_names_the_files(tmp_path: Path, as_given) -> None:
    folder = make(tmp_path / "d", "set/pictures/1.png", "set/pictures/2.png", "set/pictures/3.png")
    (folder / "set/labels.csv").write_text("id,price\n1,3.5\n2,4\n3,5\n")
    table = read_folder(as_given(folder))
    assert table.frame["id"].to_list() == [f"set/pictures/{n}.png" for n in "123"]
    assert table.frame["price"].to_list() == ["3.5", "4", "5"]
    assert table.media["id"].content("set/pictures/2.png") == b"set/pictures/2.png"
    assert "files_by_name" in ids(table)
    assert table.target is None


def test_files_that_lie_deeper_than_their_table_says(tmp_path: Path) -> None:
    folder = make(tmp_path, "a/b/1.png", "a/c/2.png")
    (folder / "labels.csv").write_text("file,y\n1.png,1\n2.png,?\n")
    table = read(folder)
    assert table.frame.rows() == [("a/b/1.png", "1"), ("a/c/2.png", None)]
    assert table.words == {"y": {"?": 1}}
    assert table.media["file"].content("a/c/2.png") == b"a/c/2.png"


def test_a_class_may_be_called_like_a_missing_value(tmp_path: Path) -> None:
    table = read(make(tmp_path, "NA/1.png", "NA/2.png", "some/1.png", "some/2.png"))
    assert table.frame["label"].to_list() == ["NA", "NA", "some", "some"]


def test_a_table_that_names_nothing_leaves_the_class_folders(tmp_path: Path) -> None:
    folder = make(tmp_path, "a/1.png", "b/2.png")
    (folder / "notes.csv").write_text("what,when\nx,y\nz,w\n")
    assert read_folder(folder).columns == ["image", "label"]


def test_two_tables_that_name_the_files(tmp_path: Path) -> None:
    folder = make(tmp_path, "1.png", "2.png")
    for name in ("train.csv", "test.csv"):
        (folder / name).write_text("file,y\n1.png,1\n2.png,2\n")
    with pytest.raises(InputError, match="several tables name the files"):
        read_folder(folder)


def test_damaged_zip(tmp_path: Path) -> None:
    path = tmp_path / "broken.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match="damaged"):
        read_folder(path)


def test_a_zip_with_a_table_is_a_table(tmp_path: Path) -> None:
    folder = make(tmp_path / "d", "Readme.txt", "logo.png")
    (folder / "day.csv").write_text("a,b\n1,2\n")
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder))
    assert not is_media_folder(path)


def test_find_media_in_a_table(tmp_path: Path) -> None:
    make(tmp_path, "files/a.png", "b.wav")
    frame = pl.DataFrame(
        {
            "picture": ["a.png", None, "gone.png"],
            "sound": ["b.wav", "b.wav", None],
            "name": ["x.y", "png", "wav"],
        }
    )
    found = find_media(frame, tmp_path, {})
    assert {name: files.kind for name, files in found.items()} == {"picture": "image", "sound": "sound"}
    assert found["picture"].content("a.png") == b"files/a.png"
    assert found["sound"].content("b.wav") == b"b.wav"
    absolute = pl.DataFrame({"p": [str(tmp_path / "files" / "a.png")]})
    assert find_media(absolute, tmp_path / "files", {})["p"].content(absolute["p"][0]) == b"files/a.png"


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    frame = pl.DataFrame({"photo": ["1.png", "2.png"]})
    with pytest.raises(InputError, match=r"'photo' names pictures \('1.png'\).*data.kinds.photo"):
        find_media(frame, tmp_path, {})
    assert find_media(frame, tmp_path, {"photo": "category"}) == {}
    web = pl.DataFrame({"photo": ["https://x.org/1.png"]})
    assert find_media(web, tmp_path, {}) == {}
