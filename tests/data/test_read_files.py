"""What a file is, its content says: compression, zip members, typed formats, ARFF, and no tables at all."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from pathlib import Path

import polars as pl
import pytest

from netwright.config import ReadConfig
from netwright.data.read import read
from netwright.errors import InputError, MissingExtra

CSV = b"a,b\n1,x\n2,y\n"
FRAME = pl.DataFrame({"a": [1, 2], "b": ["x", "?"], "c": [0.5, float("nan")]})


def written(method: str) -> bytes:
    buffer = io.BytesIO()
    getattr(FRAME, method)(buffer)
    return buffer.getvalue()


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return path


def file(folder: Path, data: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


class TestCompression:
    @pytest.mark.parametrize(
        ("compress", "name"), [(gzip.compress, "gzip"), (lzma.compress, "xz"), (bz2.compress, "bz2")]
    )
    def test_is_found_whatever_the_ending(self, tmp_path: Path, compress, name: str) -> None:
        table = read(file(tmp_path, compress(CSV), "table.csv"))
        assert table.frame.rows() == [("1", "x"), ("2", "y")]
        assert table.how["compression"] == name
        with pytest.raises(InputError, match=f"{name} file is cut short or damaged"):
            read(file(tmp_path, compress(CSV * 100)[:30]))

    @pytest.mark.parametrize("installed", [True, False])
    def test_zstd_with_and_without_pyarrow(self, tmp_path: Path, monkeypatch, installed: bool) -> None:
        pyarrow = pytest.importorskip("pyarrow")
        path = file(tmp_path, pyarrow.compress(CSV, codec="zstd", asbytes=True), "t.csv.zst")
        binary = file(tmp_path, pyarrow.compress(written("write_parquet"), codec="zstd", asbytes=True))
        if not installed:
            monkeypatch.setitem(sys.modules, "pyarrow", None)
            with pytest.raises(MissingExtra, match="pyarrow"):
                read(binary)
        else:
            assert read(binary).frame["a"].to_list() == [1, 2]
        table = read(path)
        assert (table.frame.rows(), table.how["compression"], table.name) == (
            [("1", "x"), ("2", "y")],
            "zstd",
            "t",
        )

    @pytest.mark.parametrize(
        ("filename", "name"),
        [("adult.csv.gz", "adult"), ("kddcup.data_10_percent.gz", "kddcup.data_10_percent"), ("x.tsv", "x")],
    )
    def test_short_name(self, tmp_path: Path, filename: str, name: str) -> None:
        data = gzip.compress(CSV) if filename.endswith("gz") else CSV
        assert read(file(tmp_path, data, filename)).name == name


class TestZip:
    def test_the_one_table_is_taken(self, tmp_path: Path) -> None:
        table = read(zipped(tmp_path / "z.zip", readme__txt=b"hello", day__csv=CSV))
        assert (table.name, table.how["member"], len(table)) == ("day", "day.csv", 2)

    def test_the_only_file_is_taken_whatever_its_name(self, tmp_path: Path) -> None:
        assert len(read(zipped(tmp_path / "z.zip", stuff=gzip.compress(CSV)))) == 2

    def test_one_of_several(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "z.zip", day__csv=CSV, hour__csv=CSV + b"3,z\n")
        with pytest.raises(InputError, match=r"day\.csv, hour\.csv .*--set data.read.member=hour.csv"):
            read(path)
        assert len(read(path, ReadConfig(member="hour.csv"))) == 3
        assert len(read(f"{path}::hour.csv")) == 3
        with pytest.raises(InputError, match=r"no file 'hours\.csv'.*did you mean 'hour\.csv'"):
            read(f"{path}::hours.csv")

    def test_no_table(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="holds no table"):
            read(zipped(tmp_path / "z.zip", a__exe=b"1", b__exe=b"2"))
        with pytest.raises(InputError, match="2 pictures lie in no class folders"):
            read(zipped(tmp_path / "z.zip", a__jpg=b"1", b__jpg=b"2"))
        with pytest.raises(InputError, match="holds no files"):
            read(zipped(tmp_path / "z.zip"))
        with pytest.raises(InputError, match="zip is cut short"):
            read(file(tmp_path, zipped(tmp_path / "z.zip", a__csv=CSV).read_bytes()[:40]))
        with pytest.raises(InputError, match="Excel"):
            read(zipped(tmp_path / "z.zip", **{"[Content_Types]__xml": b""}))


class TestTyped:
    @pytest.mark.parametrize(
        ("method", "format"),
        [
            ("write_parquet", "parquet"),
            ("write_ipc", "arrow"),
            ("write_ipc_stream", "arrow"),
            ("write_ndjson", "jsonl"),
        ],
    )
    def test_types_are_kept_and_words_for_missing_taken_out(
        self, tmp_path: Path, method: str, format: str
    ) -> None:
        table = read(file(tmp_path, written(method), "data.csv"))
        assert table.how["format"] == format
        assert table.frame.rows() == [(1, "x", 0.5), (2, None, None)]
        assert table.frame.dtypes == [pl.Int64, pl.String, pl.Float64]
        assert table.words == {"b": {"?": 1}}

    @pytest.mark.parametrize("method", ["write_parquet", "write_ipc", "write_ipc_stream"])
    def test_cut_short(self, tmp_path: Path, method: str) -> None:
        whole = written(method)
        for length in (8, 50, len(whole) // 2):
            with pytest.raises(InputError, match="cut short or damaged"):
                read(file(tmp_path, whole[:length]))

    def test_types_that_a_table_has_not(self) -> None:
        frame = pl.DataFrame({"d": ["1.50"], "c": ["u"], "n": [None]}).with_columns(
            pl.col("d").cast(pl.Decimal(10, 2)), pl.col("c").cast(pl.Categorical)
        )
        assert read(frame).frame.rows() == [(1.5, "u", None)]
        assert read(frame).frame.dtypes == [pl.Float64, pl.String, pl.String]
        for value in ([1], {"x": 1}, b"x"):
            with pytest.raises(InputError, match="'cell' holds more than one value"):
                read(pl.DataFrame({"cell": [value]}))

    def test_json_lines(self, tmp_path: Path) -> None:
        table = read(file(tmp_path, b'{"a":1,"b":"x"}\n\n{"a":2.5,"c":true}\n{"b":3}\n'))
        assert table.frame.rows() == [(1.0, "x", None), (2.5, None, True), (None, "3", None)]
        with pytest.raises(InputError, match=r"no JSON object.*line 2"):
            read(file(tmp_path, b'{"a":1}\n{"a":\n'))
        with pytest.raises(InputError, match=r"no object.*line 2"):
            read(file(tmp_path, b'{"a":1}\n[1]\n'))
        with pytest.raises(InputError, match="one JSON array"):
            read(file(tmp_path, b'[{"a":1}]'))
        with pytest.raises(InputError, match="'a' holds more than one value"):
            read(file(tmp_path, b'{"a":[1]}'))


class TestArff:
    HEAD = "% a comment\n@RELATION r\n@attribute 'petal length' numeric\n" + (
        "@attribute kind {a,'b c'}\n@ATTRIBUTE note string\n@data\n"
    )

    def rows(self, folder: Path, body: str) -> list[tuple]:
        return read(file(folder, (self.HEAD + body).encode())).frame.rows()

    def test_dense(self, tmp_path: Path) -> None:
        body = "1.5, a, plain\n%x\n\n?,'b c','it\\'s, ok'\n2,a,\n3,\"b c\",?\n"
        expected = [("1.5", "a", "plain"), (None, "b c", "it's, ok"), ("2", "a", None), ("3", "b c", None)]
        assert self.rows(tmp_path, body) == expected

    def test_sparse(self, tmp_path: Path) -> None:
        assert self.rows(tmp_path, "{0 5, 1 'b c'}\n{}\n") == [("5", "b c", "0"), ("0", "a", "0")]

    def test_names_and_format(self, tmp_path: Path) -> None:
        table = read(file(tmp_path, (self.HEAD + "1,a,x\n").encode()))
        assert table.columns == ["petal length", "kind", "note"]
        assert table.how["format"] == "arff"

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("1,a\n", "2 cells where 3 are expected .*line 7"),
            ("1,'a,x\n", "broken quoting .*line 7"),
            ("{7 x}\n", "no attribute 7 .*line 7"),
            ("", "no rows"),
        ],
    )
    def test_broken(self, tmp_path: Path, body: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            self.rows(tmp_path, body)

    def test_broken_head(self, tmp_path: Path) -> None:
        for text, message in [
            ("@relation r\n@attribute a numeric\n", "no @data"),
            ("@relation r\n@data\n1\n", "no @attribute"),
        ]:
            with pytest.raises(InputError, match=message):
                read(file(tmp_path, text.encode()))


class TestNoTable:
    def test_no_such_file(self, tmp_path: Path) -> None:
        file(tmp_path, CSV, "titanic.csv")
        with pytest.raises(InputError, match=r"no such file.*did you mean '.*titanic\.csv'"):
            read(tmp_path / "titanc.csv")
        with pytest.raises(InputError, match="no folder"):
            read(tmp_path / "nowhere" / "x.csv")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no files in it"):
            read(tmp_path)

    def test_not_allowed(self, tmp_path: Path, monkeypatch) -> None:
        def refuse(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(InputError, match="cannot be read: Permission denied"):
            read(tmp_path / "x.csv")

    @pytest.mark.parametrize("data", [b"", gzip.compress(b"", mtime=0)])
    def test_empty(self, tmp_path: Path, data: bytes) -> None:
        with pytest.raises(InputError, match="the file is empty"):
            read(file(tmp_path, data))

    def test_blank(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no rows"):
            read(file(tmp_path, b"\n \n\n"))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"\x89PNG\r\n", "a picture"),
            (b"SQLite format 3\x00", "SQLite.*name a query"),
            (b"\x80\x04\x95", "pickle"),
            (b"\x00\x01\x02", "binary data"),
            (b"<html>", "web page"),
            (b"#c\n@problemName x\n", "no @data"),
        ],
    )
    def test_other_kinds_of_files(self, tmp_path: Path, data: bytes, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read(file(tmp_path, data))
