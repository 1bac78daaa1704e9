"""Weights of one network as the start of another, wherever both mean the same by them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netwright.data.schema import Schema
from netwright.nn.encoders import OWN_TENSOR, CategoryEncoder, Encoder, NumberEncoder
from netwright.nn.encoders.lookup import NONE, Lookup
from netwright.nn.member import Layer, Place
from netwright.nn.network import Network

Label = tuple[Hashable, ...]
Pairs = tuple[Tensor, Tensor]  # places in the new tensor, and in the old one

# Parameters whose axis counts the features that the encoders give.
FEATURE_AXES = {
    "trunk.views.factors": 2,
    "trunk.mlp.blocks.0.linear.weight": 0,
    "trunk.blocks.0.linear.weight": 0,
    "trunk.first.weight": 0,
}
SHOWN = 4


@dataclass
class Part:
    """What became of one part of a network.

    Arguments:
        name: encoder and columns, trunk or head.
        kept: numbers of one member that were copied.
        numbers: of one member, in all.
        why: why the others were drawn anew; "" when there are none.
    """

    name: str
    kept: int = 0
    numbers: int = 0
    why: str = ""


@torch.no_grad()
def transfer(
    old: Network, old_schema: Schema, new: Network, new_schema: Schema, sources: Sequence[int]
) -> list[Part]:
    """Copies the parameters that two networks have in common; what is fitted to rows stays as it was fitted.

    Columns go by name and kind (the only picture, text, sound or series of each by its kind), categories by
    value, classes and targets by name. What lies above something that has nothing in common is left alone.

    Arguments:
        old: trained.
        old_schema: its columns and target.
        new: fitted, with its first weights drawn; is changed.
        new_schema: its columns and target.
        sources: the member of `old` that each member of `new` starts from. M of them

    Returns:
        What was kept of each part.
    """
    return _Transfer(old, old_schema, new, new_schema, list(sources)).run()


class _Transfer:
    def __init__(
        self, old: Network, old_schema: Schema, new: Network, new_schema: Schema, sources: list[int]
    ) -> None:
        self.old, self.new, self.sources = old, new, sources
        self.old_schema, self.new_schema = old_schema, new_schema
        self.values = {name: value.to(new.flat.device) for name, value in old.named_values().items()}
        self.places: dict[str, list[Place]] = {}
        for place in new.layout.places:
            self.places.setdefault(_owner(place.name), []).append(place)
        self.renamed = _same_columns(old_schema, new_schema)

    def run(self) -> list[Part]:
        old, new = self.old, self.new
        parts = [
            self._encoder(part, self.places.get(f"encoders.parts.{number}", []))
            for number, part in enumerate(new.encoders.list)
        ]
        labels = _features(new, self.new_schema, self.renamed), _features(old, self.old_schema, {})
        trunk = self._trunk(*labels)
        trunks = [type(each.trunk) for each in (old, new)]
        same = trunks[0] is trunks[1] and (old.trunk.width, old.trunk.heads) == (
            new.trunk.width,
            new.trunk.heads,
        )
        return [*parts, trunk, self._head(*labels, rests=same and (trunk.kept > 0 or trunk.numbers == 0))]

    # ------------------------------------------------------------------------------------ the parts

    def _encoder(self, part: Encoder, places: list[Place]) -> Part:
        told = Part(_told(part), numbers=_size(places))
        if part.raw in OWN_TENSOR:
            self._network(part, places, told)
            return told
        others = [(n, each) for n, each in enumerate(self.old.encoders.list) if type(each) is type(part)]
        for place in places:
            for number, other in others:
                name = f"encoders.parts.{number}.{place.attribute}"
                if name in self.values:
                    pairs = _pairs(
                        _rows(part, self.new_schema, self.renamed), _rows(other, self.old_schema, {})
                    )
                    told.kept += self._copy(place, name, 0, pairs)
        if told.kept < told.numbers:
            known = {name for _, other in others for name in other.names}
            missing = [name for name in part.names if self.renamed.get(name) not in known]
            reason = f"not there before: {_listed(missing)}" if missing else "other settings or new values"
            told.why = reason
        return told

    def _network(self, part: Encoder, places: list[Place], told: Part) -> None:
        """An encoder that is a network of one column."""
        names = {each.names[0]: (n, each) for n, each in enumerate(self.old.encoders.list)}
        number, other = names.get(self.renamed.get(part.names[0], ""), (0, None))
        if other is None or type(other) is not type(part):
            told.why = "no such column before" if other is None else "another encoder before"
            return
        mine, theirs = f"encoders.parts.{self.new.encoders.list.index(part)}", f"encoders.parts.{number}"
        words = self._words(part, other)
        for place in places:
            name = theirs + place.name.removeprefix(mine)
            if words is not None and place.attribute == "table" and place.layer is part:
                told.kept += self._copy_words(place, name, words)
            else:
                told.kept += self._copy(place, name)
        if told.kept == told.numbers or words is not None:
            self._statistics(part, theirs)
        if told.kept < told.numbers:
            told.why = "other shapes before" if words is None else "other shapes, or words that are new"

    def _words(self, part: Encoder, other: Encoder) -> list[Pairs] | None:
        """Which rows of a table of words or pieces go where, for each member; None without a table."""
        mine, theirs = getattr(part, "lookup", None), getattr(other, "lookup", None)
        new, old = self.new_schema.column(part.names[0]), self.old_schema.column(other.names[0])
        if new.units != old.units:
            return [_pairs([], [])] * len(self.sources)
        if isinstance(mine, Lookup) and isinstance(theirs, Lookup):
            return [
                _pairs(_rows_of_words(part, mine.known[member]), _rows_of_words(other, theirs.known[source]))
                for member, source in enumerate(self.sources)
            ]
        if new.vocabulary:
            pairs = _pairs(_rows_of_pieces(new.vocabulary), _rows_of_pieces(old.vocabulary))
            return [pairs] * len(self.sources)
        return None

    def _copy_words(self, place: Place, name: str, words: list[Pairs]) -> int:
        """Copies rows of a table, which are others for each member; how many numbers of the first."""
        value, into = self.values[name], place.of(self.new.flat.data)
        if value.shape[2:] != into.shape[2:]:
            return 0
        for member, (new, old) in enumerate(words):
            into[member, new.to(into.device)] = value[self.sources[member], old.to(into.device)]
        return len(words[0][0]) * into.shape[2]

    def _trunk(self, labels: list[Label], before: list[Label]) -> Part:
        places = self.places.get("trunk", [])
        told = Part("trunk", numbers=_size(places))
        pairs = _pairs(labels, before)
        if type(self.old.trunk) is not type(self.new.trunk):
            told.why = "another kind of trunk before"
        elif not len(pairs[0]):
            told.why = "none of its inputs was there before"
        elif labels != before and not any(place.name in FEATURE_AXES for place in places):
            told.why = "its inputs are not those that it had"  # which axis takes them only its layers know
        else:
            for place in places:
                axis = None if labels == before else FEATURE_AXES.get(place.name)
                told.kept += self._copy(place, place.name, axis or 0, None if axis is None else pairs)
            if told.kept < told.numbers:
                fresh = len(labels) - len(pairs[0])
                told.why = f"{fresh} of {len(labels)} inputs are new" if fresh else "other shapes before"
            else:
                self._statistics(self.new.trunk, "trunk")
        return told

    def _head(self, labels: list[Label], before: list[Label], *, rests: bool) -> Part:
        places = self.places["head"]
        told = Part("head", numbers=_size(places))
        old, new = self.old_schema.target, self.new_schema.target
        if old.task != new.task:
            told.why = f"the task was {old.task} before"
        elif not rests:
            told.why = "it stands on another trunk"
        elif new.task == "binary":
            self._binary(places, told)
        else:
            names = (new.classes, old.classes) if new.task == "multiclass" else (new.columns, old.columns)
            outputs = _pairs([(name,) for name in names[0]], [(name,) for name in names[1]])
            for place in places:
                told.kept += self._copy(place, place.name, 2, outputs, self._inputs(place, labels, before))
            fresh = [name for name in names[0] if name not in names[1]]
            if fresh:
                told.why = f"not among the {'classes' if new.classes else 'targets'} before: {_listed(fresh)}"
            elif told.kept < told.numbers:
                told.why = "other inputs before"
        return told

    def _binary(self, places: list[Place], told: Part) -> None:
        old, new = self.old_schema.target.classes, self.new_schema.target.classes
        if sorted(old) != sorted(new):
            told.why = f"the classes were {_listed(old)} before"
            return
        for place in places:
            told.kept += self._copy(place, place.name)
            if old != new:  # the logit is that of the second class
                place.of(self.new.flat.data).neg_()
        if told.kept < told.numbers:
            told.why = "other inputs before"

    def _inputs(self, place: Place, labels: list[Label], before: list[Label]) -> Pairs | None:
        """How the head's inputs go to its inputs before, where it stands on the encoders themselves."""
        straight = self.places.get("trunk") is None and place.attribute == "weight"
        return _pairs(labels, before) if straight and labels != before else None

    # -------------------------------------------------------------------------------------- copying

    def _copy(
        self, place: Place, name: str, axis: int = 0, pairs: Pairs | None = None, inputs: Pairs | None = None
    ) -> int:
        """Copies an old parameter, or parts of it along an axis (and along axis 1); how many numbers."""
        if name not in self.values:
            return 0
        value, into = self.values[name][self.sources], place.of(self.new.flat.data)
        if inputs is not None:
            whole = into.clone()
            whole[:, :, inputs[0]] = value[:, :, inputs[1]]
            value = whole
        if pairs is None:
            if value.shape != into.shape:
                return 0
            into.copy_(value)
            return into[0].numel()
        axis += 1  # the member's
        rest = [n for n in range(into.dim()) if n != axis]
        if [into.shape[n] for n in rest] != [value.shape[n] for n in rest] or not len(pairs[0]):
            return 0
        new, old = (each.to(into.device) for each in pairs)
        into.index_copy_(axis, new, value.index_select(axis, old))
        kept = into[0].numel() // into.shape[axis] * len(new)
        return kept if inputs is None else kept // into.shape[2] * len(inputs[0])

    def _statistics(self, part: torch.nn.Module, before: str) -> None:
        """Running means of layers that were kept go with their weights."""
        for path, layer in part.named_modules():
            for name in layer.statistics if isinstance(layer, Layer) else ():
                value = self.values.get(".".join(filter(None, (before, path, name))))
                own = getattr(layer, name)
                if value is not None and value.shape[1:] == own.shape[1:]:
                    own.copy_(value[self.sources])


# ---------------------------------------------------------------------------------------------- labels


def _same_columns(old: Schema, new: Schema) -> dict[str, str]:
    """The earlier name of each column that was there before."""
    known = {column.name: column.kind for column in old.inputs}
    found = {column.name: column.name for column in new.inputs if known.get(column.name) == column.kind}
    for kind in OWN_TENSOR:
        mine, theirs = new.of_kind(kind), old.of_kind(kind)
        if len(mine) == len(theirs) == 1:
            found[mine[0].name] = theirs[0].name
    return found


def _features(network: Network, schema: Schema, renamed: dict[str, str]) -> list[Label]:
    """What each feature of the encoders stands for. D of them"""
    labels: list[Label] = []
    for part in network.encoders.list:
        for name, size in zip(part.names, part.columns, strict=True):
            known = renamed.get(name, name)
            values = _values(part, name, schema)
            if isinstance(part, CategoryEncoder) and size == len(values) - 1:
                labels += [(part.raw, known, value) for value in values[1:]]
            else:
                labels += [(part.raw, type(part).__name__, known, size, place) for place in range(size)]
    return labels


def _rows(part: Encoder, schema: Schema, renamed: dict[str, str]) -> list[Label]:
    """What each row of the parameters of an encoder of several columns stands for."""
    if isinstance(part, CategoryEncoder):
        names = [part.names[place] for place in part.embedded_columns.tolist()]
        return [(renamed.get(name, name), value) for name in names for value in _values(part, name, schema)]
    assert isinstance(part, NumberEncoder)
    return [(renamed.get(name, name),) for name in part.names]


def _rows_of_words(part: Encoder, known: Tensor) -> list[Label]:
    """What each row of a table stands for, by the codes [R] that have a place in it."""
    above = part.rows - len(known)  # type: ignore[operator]
    fixed: list[Label] = [("row", place) for place in range(int(above))]
    return fixed + [(code,) if code != NONE else ("free", place) for place, code in enumerate(known.tolist())]


def _rows_of_pieces(vocabulary: str) -> list[Label]:
    """What each row of a table of pieces stands for; the first is that of no piece."""
    model = json.loads(vocabulary)["model"]["vocab"]
    pieces = model if isinstance(model, dict) else {piece: place for place, (piece, _) in enumerate(model)}
    return [("row", 0), *((piece,) for piece in sorted(pieces, key=pieces.__getitem__))]


def _values(part: Encoder, name: str, schema: Schema) -> list[tuple[str, str]]:
    """The codes of a column of categories: unseen, missing, and its values."""
    if not isinstance(part, CategoryEncoder):
        return []
    known = [("value", value) for value in schema.column(name).categories]
    return [("code", "unseen"), ("code", "missing"), *known]


def _pairs(new: list[Label], old: list[Label]) -> Pairs:
    """Places of labels that are in both."""
    known = {label: place for place, label in enumerate(old)}
    found = [(place, known[label]) for place, label in enumerate(new) if label in known]
    return torch.tensor([a for a, _ in found], dtype=torch.long), torch.tensor(
        [b for _, b in found], dtype=torch.long
    )


def _owner(name: str) -> str:
    """The part that a parameter belongs to: trunk, head or encoders.parts.N."""
    words = name.split(".")
    return ".".join(words[:3]) if words[0] == "encoders" else words[0]


def _size(places: list[Place]) -> int:
    return sum(place.declared.size for place in places)


def _told(part: Encoder) -> str:
    return f"{part.raw} ({_listed(part.names)})"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
