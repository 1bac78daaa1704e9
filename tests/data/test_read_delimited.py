"""CSV and its kin: every dialect is found out, and every broken file is named with its line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netwright.config import ReadConfig
from netwright.data.read import read
from netwright.errors import InputError


@pytest.fixture
def write(tmp_path: Path):
    def writer(content: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


def rows(path: Path, **config) -> list[tuple]:
    return read(path, ReadConfig(**config)).frame.rows()


class TestSeparator:
    @pytest.mark.parametrize(("separator", "name"), [(",", ","), (";", ";"), ("\t", "tab"), ("|", "|")])
    def test_is_found(self, write, separator: str, name: str) -> None:
        table = read(write(f"a{separator}b c\n1{separator}x y\n2{separator}z\n"))
        assert table.how["separator"] == name
        assert table.columns == ["a", "b c"]
        assert table.frame.rows() == [("1", "x y"), ("2", "z")]

    def test_semicolons_win_over_decimal_commas(self, write) -> None:
        assert rows(write("x;y;z\n1,5;2,5;3,5\n4,5;5,5;6,5\n")) == [
            ("1,5", "2,5", "3,5"),
            ("4,5", "5,5", "6,5"),
        ]

    def test_separators_within_quotes_do_not_count(self, write) -> None:
        assert rows(write('a;b\n"x,y,z";1\n"u,v,w";2\n')) == [("x,y,z", "1"), ("u,v,w", "2")]

    def test_runs_of_spaces(self, write) -> None:
        path = write('18.0   8  307.0\t"chevrolet chevelle"\n15.0   8  350.0\t"buick skylark"\n')
        table = read(path)
        assert table.frame.row(0) == ("18.0", "8", "307.0", "chevrolet chevelle")
        assert table.how["separator"] == "whitespace"

    def test_a_column_of_times_is_not_torn_apart(self, write) -> None:
        assert rows(write("when\n2020-01-01 10:00:00\n2020-01-02 11:00:00\n")) == [
            ("2020-01-01 10:00:00",),
            ("2020-01-02 11:00:00",),
        ]

    def test_excel_says_the_separator_first(self, write) -> None:
        table = read(write("sep=;\na;b\n1;2\n"))
        assert (table.columns, table.frame.rows(), table.findings) == (["a", "b"], [("1", "2")], [])

    def test_given(self, write) -> None:
        assert rows(write("a:b\n1:2\n"), separator=":") == [("1", "2")]
        assert rows(write("a\tb\n1\t2\n"), separator="tab") == [("1", "2")]
        with pytest.raises(InputError, match="not one plain character"):
            rows(write("a,b\n1,2\n"), separator="::")


class TestHeader:
    @pytest.mark.parametrize(
        ("text", "header"),
        [
            ("age,sex\n31,m\n29,f\n", True),
            ("31,m\n29,f\n", False),
            ("a good film\t1\na bad film\t0\n", False),
            ("p,x,s\ne,x,s\np,b,y\ne,x,y\np,x,s\n", False),
            ("class,cap,gill\ne,x,s\np,b,y\ne,x,y\np,x,s\n", True),
            ("country,1990,1991,1992\nDE,1,2,3\nFR,4,5,6\n", True),
            ("0,1,2\n1.5,2.5,3.5\n", True),
            ("1,2,3\n4,5,6\n", False),
            ("?,3,x\n2,4,y\n", False),
            ('"Month","Passengers"\n"1949-01",112\n', True),
            ("1949-01,112\n1949-02,118\n", False),
            ("1,2,3\n", False),
        ],
    )
    def test_is_found(self, write, text: str, header: bool) -> None:
        table = read(write(text))
        assert table.how["header"] is header
        assert ("no_header" in [each.id for each in table.findings]) is not header

    def test_columns_without_names_are_called_by_place(self, write) -> None:
        assert read(write("31,m\n29,f\n")).columns == ["c0", "c1"]
        assert read(write(",a\n0,1\n1,2\n")).columns == ["c0", "a"]

    def test_given(self, write) -> None:
        path = write("age,sex\n31,m\n29,f\n")
        assert read(path, ReadConfig(header=False)).frame.row(0) == ("age", "sex")
        assert read(write("31,m\n29,f\n"), ReadConfig(header=True)).columns == ["31", "m"]

    def test_only_a_header(self, write) -> None:
        for text in ("a,b,c\n", "a,b,c"):
            with pytest.raises(InputError, match="header but no rows"):
                read(write(text))

    def test_repeated_names(self, write) -> None:
        with pytest.raises(InputError, match="column names repeat: 'a'"):
            read(write("a,b,a\n1,2,3\n4,5,6\n"))

    def test_byte_order_mark_and_spaces(self, write) -> None:
        assert read(write(b"\xef\xbb\xbfLot Area , b\n1, 2\n")).columns == ["Lot Area", "b"]


class TestJunk:
    def test_lines_before_the_table_are_skipped_and_said(self, write) -> None:
        table = read(write("|1x3 Cross validator\n25, Private, 0\n38, Public, 1\n"))
        assert table.frame.rows() == [("25", "Private", "0"), ("38", "Public", "1")]
        finding = next(each for each in table.findings if each.id == "junk_lines")
        assert finding.severity == "warning"
        assert "Cross validator" in finding.message

    def test_lines_of_errors_count_from_the_top_of_the_file(self, write) -> None:
        with pytest.raises(InputError, match=r"2 cells where 3 are expected \(.*, line 5\)"):
            read(write("My table\n\na,b,c\n1,2,3\n4,5\n6,7,8\n"))

    def test_a_quoted_name_of_two_lines_is_no_junk(self, write) -> None:
        assert read(write('"long\nname",b,c\n1,2,3\n4,5,6\n')).columns == ["long\nname", "b", "c"]


class TestRowsOfUnequalLength:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a,b,c\n1,2,3\n4,5\n6,7,8\n", "2 cells where 3 are expected .*line 3"),
            ("a,b,c\n1,2,3\n4,5,6,7\n6,7,8\n", "4 cells where 3 are expected .*line 3"),
            ('a,b,c\n"x,y",2,3\n4,"5\n6"\n6,7,8\n', "2 cells where 3 are expected .*line 3"),
            ("a,b\nr1,1,2\nr2,3,4\n", "2 cells where 3 are expected .*line 1"),
            ("a,b,c\n1,2,3\n,,\n\n4\n", "1 cell where 3 are expected .*line 5"),
        ],
    )
    def test_are_named(self, write, text: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read(write(text))

    def test_blank_lines_are_no_rows(self, write) -> None:
        assert rows(write("a,b\n1,x\n\n2,y\n  \n\n")) == [("1", "x"), ("2", "y")]
        assert rows(write("a,b\r\n1,x\r\n\r\n2,y\r\n")) == [("1", "x"), ("2", "y")]

    def test_empty_rows_are_rows(self, write) -> None:
        assert rows(write("a,b\n1,x\n\n,\n2,y\n")) == [("1", "x"), (None, None), ("2", "y")]


class TestQuoting:
    def test_cells_of_several_lines(self, write) -> None:
        assert rows(write('a,b\n1,"x\ny"\n2,"p,q"\n')) == [("1", "x\ny"), ("2", "p,q")]

    def test_quotes_within_a_cell(self, write) -> None:
        assert rows(write('a,b\n1,"say ""no"", he"\n2,6" wide\n')) == [
            ("1", 'say "no", he'),
            ("2", '6" wide'),
        ]

    def test_a_space_before_the_quote(self, write) -> None:
        assert rows(write('a, "b"\n1, "x,y"\n2, "z"\n')) == [("1", "x,y"), ("2", "z")]

    def test_stray_quotes_are_read_as_they_are_and_said(self, write) -> None:
        table = read(write('"good film\t1\nbad film\t0\nso "so" film\t1\n" x\t0\n'))
        assert table.frame["c0"].to_list() == ['"good film', "bad film", 'so "so" film', '" x']
        assert table.how["quote"] == "none"
        assert [each.severity for each in table.findings if each.id == "quoting"] == ["note"]

    def test_stray_quotes_that_swallow_whole_lines(self, write) -> None:
        assert rows(write('"x\t1\ny"\t0\nz\t1\n')) == [('"x', "1"), ('y"', "0"), ("z", "1")]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('a,b\n1,"x"y\n2,"a,b"\n', "broken quoting: text follows a closing quote .*line 2.*quote=none"),
            ('a,b\n1,"a,b"\n2,"x\n3,z\n', "broken quoting: a quote is opened that is never closed .*line 3"),
        ],
    )
    def test_broken(self, write, text: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read(write(text))

    def test_given(self, write) -> None:
        assert rows(write("a,b\n'x,y',1\n'z',2\n"), quote="'") == [("x,y", "1"), ("z", "2")]
        assert rows(write('a,b\n"x",1\n'), quote="none") == [('"x"', "1")]
        with pytest.raises(InputError, match="broken quoting"):
            rows(write('a,b\n1,"x\n2,y\n'), quote='"')


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
    def test_is_found(self, write, encoding: str) -> None:
        table = read(write("größe,b\nö,1\nä,2\n".encode(encoding)))
        assert table.columns == ["größe", "b"]
        assert table.frame["größe"].to_list() == ["ö", "ä"]
        assert table.how["encoding"] == encoding.removesuffix("-sig")
        assert [each.id for each in table.findings] == (["encoding"] if encoding == "cp1252" else [])

    def test_given(self, write) -> None:
        path = write("größe;b\nö;1\n".encode("utf-16-le"))
        assert read(path, ReadConfig(encoding="utf-16-le")).columns == ["größe", "b"]

    def test_wrong(self, write) -> None:
        path = write("a,b\n1,2\nö,3\n".encode("cp1252"))
        with pytest.raises(InputError, match=r"not utf-8 \(byte 8, line 3\)"):
            read(path, ReadConfig(encoding="utf-8"))
        with pytest.raises(InputError, match="no encoding 'utf9'"):
            read(path, ReadConfig(encoding="utf9"))

    def test_line_ends(self, write) -> None:
        for end in ("\n", "\r\n", "\r"):
            assert rows(write(end.join(["a,b", "1,2", "3,4", ""]))) == [("1", "2"), ("3", "4")]


class TestMissing:
    def test_words_are_counted_and_taken_out(self, write) -> None:
        table = read(write('id,a,b\n1, ?,x\n2,NA,"  "\n3,?,y\n4,,z\n5,7,None\n'))
        assert table.frame["a"].to_list() == [None, None, None, None, "7"]
        assert table.frame["b"].to_list() == ["x", None, "y", "z", None]
        assert table.words == {"a": {"?": 2, "NA": 1}, "b": {"  ": 1, "None": 1}}

    def test_given_words_replace_the_usual_ones(self, write) -> None:
        table = read(write("a,b\n-999,NA\n1,\n"), missing=["-999"])
        assert table.frame.rows() == [(None, "NA"), ("1", None)]
        assert table.how["missing_words"] == ["-999"]

    def test_all_columns_are_text(self, write) -> None:
        assert set(read(write("a,b,c\n1,2.5,true\n3,4.5,false\n")).frame.dtypes) == {pl.String}


CELL = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n", exclude_characters="\ufeff"),
    max_size=8,
)


@given(st.data(), st.integers(2, 5), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
@settings(
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_python_writes_is_read_back(tmp_path: Path, data, width: int, separator: str, end: str) -> None:
    """With the dialect given, every table that Python's writer can write comes back cell for cell."""
    table = data.draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=8))
    names = [f"name{place}" for place in range(width)]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator, lineterminator=end).writerows([names, *table])
    path = tmp_path / "table.csv"
    path.write_bytes(buffer.getvalue().encode())
    config = ReadConfig(separator=separator, encoding="utf-8", header=True, quote='"')
    found = read(path, config, missing=[])
    expected = [[cell.strip() or None for cell in row] for row in table]
    assert [list(row) for row in found.frame.rows()] == expected


@given(st.integers(1, 20), st.integers(1, 4), st.sampled_from(",;\t|"), st.booleans(), st.randoms())
@settings(
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_how_it_was_read_repeats_the_reading(
    tmp_path: Path, height: int, width: int, separator: str, header: bool, random
) -> None:
    # Whether a few rows of words have a header cannot be told, so rows without one are of numbers.
    choices = ["1.5", "x y", '"q"', "NA", "", "2020-01-01", "é"] if header else ["1.5", "2", "NA", ""]
    cells = [[random.choice(choices) for _ in range(width)] for _ in range(height)]
    lines = [[f"name{place}" for place in range(width)]] * header + [["7", *row] for row in cells]
    lines[0] = ["id", *lines[0]] if header else lines[0]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerows(lines)
    path = tmp_path / "table.csv"
    path.write_bytes(buffer.getvalue().encode("cp1252"))
    first = read(path)
    given_back = {key: first.how[key] for key in ("format", "separator", "encoding", "header", "quote")}
    again = read(path, ReadConfig(**given_back), missing=first.how["missing_words"])
    assert again.frame.equals(first.frame)
    assert again.how == first.how
    assert first.frame.shape == (height, width + 1)
