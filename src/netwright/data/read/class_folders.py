"""Class folders: a folder's name is the label; folders for training, validation and test may stand above."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import polars as pl

from netwright.data.finding import Finding
from netwright.data.media.base import Files
from netwright.data.media.endings import BETTER, MANY, UNREAD, MediaFile, kind_of, unread
from netwright.data.read.encoding import to_text
from netwright.data.read.listing import Listing, is_table
from netwright.data.table import Table
from netwright.errors import InputError

LABEL, SPLIT = "label", "split"  # the columns' names
NAMES_OF_FOLDERS = {LABEL, SPLIT}  # their cells are no words for missing, whatever they are
FEW = 0.05  # so small a share of files of another kind is left aside; more is refused
PART = re.compile(r"(?:(.*)[_\-. ])?(training|train|validation|valid|val|dev|testing|test)", re.IGNORECASE)
ROLES = {
    **dict.fromkeys(("training", "train"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("testing", "test"), "test"),
}


@dataclass
class ClassFolders:
    """Reads class folders. What is noticed gathers in `findings`.

    Arguments:
        listing: the files.
        labelled: whether classes are needed, as for training.
    """

    listing: Listing
    labelled: bool
    findings: list[Finding] = field(default_factory=list)

    @property
    def where(self) -> str:
        return str(self.listing.place)

    def read(self) -> Table:
        """The table of the files: media or text, label, split."""
        if not self.listing.files:
            raise InputError(
                "there are no files in it", where=self.where, hint="name a folder that holds data"
            )
        kind, files = self.of_one_kind()
        listing = replace(self.listing, files=files).unwrapped()
        parts = _parts(listing) if self.labelled or listing.folders() else {}
        rows = self.rows_of_parts(listing, parts, kind) if parts else self.rows(listing, kind)
        classes = sorted({label for _, label, _ in rows if label})
        self.judge(listing, rows, classes, kind)
        roles = self.roles({role for _, _, role in rows if role})
        frame = pl.DataFrame({kind: pl.Series([file for file, _, _ in rows], dtype=pl.String)})
        if classes and (self.labelled or len(classes) > 1):
            frame = frame.with_columns(pl.Series(LABEL, [label for _, label, _ in rows]))
        if roles:
            frame = frame.with_columns(pl.Series(SPLIT, [roles[role] for _, _, role in rows]))
        return self.table(frame, kind, classes)

    def table(self, frame: pl.DataFrame, kind: MediaFile, classes: list[str]) -> Table:
        media, names = {}, None
        if kind == "text":
            names = frame[kind].alias("file")
            frame = frame.with_columns(self.contents(frame[kind].to_list()))
        else:
            media = {kind: Files(kind, self.listing.place)}
        return Table(
            frame,
            self.listing.place.resolve().stem or "folder",
            self.where,
            {"class_folders_of": MANY[kind], "classes": classes},
            findings=self.findings,
            media=media,
            folder=self.listing.place,
            target=LABEL if LABEL in frame.columns else None,
            split_column=SPLIT if SPLIT in frame.columns else None,
            names=names,
        )

    def of_one_kind(self) -> tuple[MediaFile, list[str]]:
        """Whether these are pictures, sounds or texts, and which files are."""
        files = self.listing.files
        counts = Counter(kind_of(file) for file in files)
        pictures, sounds, texts = counts["image"], counts["sound"], counts["text"]
        if not pictures + sounds + texts:
            return self.without_endings()
        if max(pictures, sounds) < FEW * texts or not pictures + sounds:
            kind: MediaFile = "text"
        else:
            kind = "image" if pictures >= sounds else "sound"
            if min(pictures, sounds) > FEW * max(pictures, sounds):
                raise InputError(
                    f"the folder holds both {pictures} pictures and {sounds} sounds",
                    where=self.where,
                    hint="give a folder for each, or a table with a column of paths for each",
                )
        self.tell_others([file for file in files if kind_of(file) != kind], kind)
        return kind, [file for file in files if kind_of(file) == kind]

    def without_endings(self) -> tuple[MediaFile, list[str]]:
        """Old collections of texts have files without endings, or with numbers for names."""
        files = self.listing.files
        endings = {file: PurePosixPath(file).suffix for file in files}
        bare = [file for file, ending in endings.items() if not ending or ending[1:].isdecimal()]
        texts = [
            file for file in bare if b"\0" not in Files("image", self.listing.place).content(file)[:4096]
        ]
        if texts and "/" in texts[0]:
            self.tell_others([file for file in files if file not in set(texts)], "text")
            return "text", texts
        foreign = Counter(ending for file in files if (ending := unread(file)))
        if foreign:
            raise not_read(foreign, self.where)
        tables = [file for file in files if is_table(file)]
        raise InputError(
            f"there are no pictures, sounds or text files in it, but {_listed(files)}",
            where=self.where,
            hint=f"name the table itself: {self.listing.place / tables[0]}"
            if tables
            else "name another folder",
        )

    def tell_others(self, others: Sequence[str], kind: MediaFile) -> None:
        if not others:
            return
        foreign = sorted({ending for file in others if (ending := unread(file))})
        noun = f"file is no {MANY[kind][:-1]}" if len(others) == 1 else f"files are no {MANY[kind]}"
        done = "it was left aside" if len(others) == 1 else "they were left aside"
        read_elsewhere = f"; {', '.join(foreign)} is not read, convert it first" if foreign else ""
        self.findings.append(
            Finding(
                "other_files",
                "warning" if foreign else "note",
                f"{len(others)} {noun}: {_listed(others)}.",
                f"{done}{read_elsewhere}",
                rows=len(others),
            )
        )

    def rows(self, listing: Listing, kind: MediaFile, role: str = "") -> list[tuple[str, str, str]]:
        """Path, class and part of each file. Files outside class folders have no class."""
        rows = [
            (listing.top + file, file.partition("/")[0] if "/" in file else "", role)
            for file in listing.files
        ]
        loose = [file for file, label, _ in rows if not label]
        if loose and (self.labelled or len(loose) < len(rows)):
            if len(loose) == len(rows) and not role:
                raise InputError(
                    f"the {len(rows)} {MANY[kind]} lie in no class folders",
                    where=str(self.listing.place / listing.top),
                    hint="give each class a folder of its own, or a table of paths and labels",
                )
            inside = f" in {listing.top.rstrip('/')!r}" if role else ""
            self.findings.append(
                Finding(
                    "files_without_class",
                    "warning",
                    f"{len(loose)} {MANY[kind]}{inside} lie in no class folder: {_listed(loose)}.",
                    "they were left aside",
                    rows=len(loose),
                )
            )
            rows = [row for row in rows if row[1]]
        return rows

    def rows_of_parts(
        self, listing: Listing, parts: dict[str, str], kind: MediaFile
    ) -> list[tuple[str, str, str]]:
        rows: list[tuple[str, str, str]] = []
        for folder, role in parts.items():
            rows += self.rows(listing.inside(folder).unwrapped(), kind, role)
        beside = [file for file in listing.files if file.partition("/")[0] not in parts]
        if beside:
            self.findings.append(
                Finding(
                    "files_beside_parts",
                    "warning",
                    f"{len(beside)} {MANY[kind]} lie beside {', '.join(parts)}: {_listed(beside)}.",
                    "they were left aside; put them into one of the parts to use them",
                    rows=len(beside),
                )
            )
        return rows

    def roles(self, given: set[str]) -> dict[str, str]:
        """The words of the split column for the parts; validation becomes test where there is none."""
        if len(given) < 2 or "train" not in given:
            return {}
        roles = {role: role for role in given}
        if "test" not in given:
            roles["validation"] = "test"
        if "test" not in given and self.labelled:  # to predict, the parts do not matter
            self.findings.append(
                Finding(
                    "validation_as_test",
                    "note",
                    "There are folders for training and validation, but none for test.",
                    "the validation folder is the test part, looked at once, at the end; validation rows are "
                    "drawn from the training rows",
                )
            )
        return roles

    def judge(
        self, listing: Listing, rows: list[tuple[str, str, str]], classes: list[str], kind: MediaFile
    ) -> None:
        """Are there classes to learn, and files enough of each?"""
        if not self.labelled:
            return
        learnt = [label for _, label, role in rows if role in ("", "train")]
        if len(classes) < 2 or len(set(learnt)) < 2:
            name = repr(classes[0]) if classes else "none"
            raise InputError(
                f"there is only one class, {name}, so there is nothing to learn",
                where=str(self.listing.place / listing.top),
                hint=f"give a folder of {MANY[kind]} for each class",
            )
        single = [label for label, count in sorted(Counter(learnt).items()) if count == 1]
        if single:
            self.findings.append(
                Finding(
                    "classes_of_one",
                    "warning",
                    f"{len(single)} of {len(classes)} classes have one file only: {_listed(single)}.",
                    "add files, or remove these folders: one file cannot be learnt from and tested on too",
                    columns=[LABEL],
                    rows=len(single),
                )
            )
        unseen = sorted(set(classes) - set(learnt))
        if unseen:
            self.findings.append(
                Finding(
                    "classes_not_in_training",
                    "warning",
                    f"{len(unseen)} classes have no training files: {_listed(unseen)}.",
                    "add training files, or remove these folders",
                    columns=[LABEL],
                )
            )
        empty = [each for each in self.listing.empty if each.startswith(listing.top) or not listing.top]
        if empty:
            self.findings.append(
                Finding(
                    "empty_folders",
                    "note",
                    f"{len(empty)} folders hold no {MANY[kind]}: {_listed(empty)}.",
                    "they are no classes here",
                )
            )

    def contents(self, paths: list[str]) -> pl.Series:
        """What stands in text files; null where nothing does."""
        files, texts, other = Files("image", self.listing.place), [], []
        for path in paths:
            try:
                text = to_text(files.content(path), None, path)
            except (OSError, InputError):
                other.append(path)
                texts.append(None)
                continue
            if text.findings:
                other.append(path)
            texts.append(text.data.decode().strip() or None)
        if other:
            self.findings.append(
                Finding(
                    "text_encoding",
                    "note",
                    f"{len(other)} text files are not in UTF-8: {_listed(other)}.",
                    "they were read as text of older Windows programs, or left empty where that failed",
                    columns=["text"],
                    rows=len(other),
                )
            )
        return pl.Series("text", texts, dtype=pl.String)


def not_read(foreign: Counter[str], where: str) -> InputError:
    """The error for pictures or sounds of kinds that are not read, by their endings."""
    ending, count = foreign.most_common(1)[0]
    what = f"files of the kind {ending} are not read"
    hint = f"convert {'it' if count == 1 else 'them'} to {BETTER[UNREAD[ending]]}"
    return InputError(what + (f" ({count} of them)" if count > 1 else ""), where=where, hint=hint)


def _parts(listing: Listing) -> dict[str, str]:
    """The folders of training, validation and test, and what they are; none where they are classes."""
    matches = {name: PART.fullmatch(name) for name in listing.folders()}
    found = {name: match for name, match in matches.items() if match is not None}
    roles = {name: ROLES[match[2].lower()] for name, match in found.items()}
    alike = (
        len({match[1] for match in found.values()}) == 1
    )  # seg_train and seg_test, but train and crash_test
    if not alike or "train" not in roles.values() or len(set(roles.values())) < 2:
        return {}
    return roles


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
