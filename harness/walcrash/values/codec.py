"""The codec: values as JSON and back, by their types; every format of walcrash is one of these.

What is read may come from strangers. Nothing but the classes that a type names is ever made:
a dataclass by its own fields, an enum by its value, bytes from base64. All else is refused, with
the place, what was found there and what is allowed.

Not here: what one format holds and what it limits (`case_file`, `log`,
`findings.evidence`, `findings.bundle`, `campaign.state`); how each type is read (`codec_shapes`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from walcrash.values.codec_scalars import (
    Definitions,
    JsonSchema,
    Mismatch,
    found,
    missing,
    read_table,
)
from walcrash.values.codec_shapes import Check, Rules, Shapes
from walcrash.values.errors import UsageError

T = TypeVar("T")

UPGRADE: Final = "pip install --upgrade walcrash"


class Refused(UsageError, ValueError):
    """A text or a JSON value is not what is read; the message says where and what."""


class Codec:
    """One format's way between values and JSON.

    Args:
        hint: what to do about a document that is refused.
        is_open: see `Rules`, as the others.
        is_complete: as above.
        takes_surrogates: as above.
        checks: as above.
    """

    def __init__(
        self,
        *,
        hint: str,
        is_open: bool = False,
        is_complete: bool = False,
        takes_surrogates: bool = False,
        checks: Mapping[type, Check] | None = None,
    ) -> None:
        self.hint = hint
        self._shapes = Shapes(
            Rules(
                is_open=is_open,
                is_complete=is_complete,
                takes_surrogates=takes_surrogates,
                checks=checks or {},
            )
        )

    def to_json(self, value: object, kind: Any = None) -> Any:
        """Return a value as what `json.dumps` takes.

        Args:
            value: the value.
            kind: its type, where that is not its class.

        Raises:
            TypeError: values of this type have no JSON form.
        """
        return self._shapes.of(type(value) if kind is None else kind).write(value)

    def from_json(self, kind: type[T], form: object, where: str) -> T:
        """Return the value that `to_json` gave this form for.

        Args:
            kind: the value's type.
            form: what `json.loads` gave.
            where: how messages call the document.

        Raises:
            Refused: the form is another one; the message says what and where.
        """
        shape = self._shapes.of(kind)
        try:
            return cast("T", shape.read(form))
        except Mismatch as problem:
            place = f"{where}{problem.place}" if where else problem.place.lstrip(".")
            raise Refused(f"{place}: {problem.message}", hint=self.hint) from None
        except RecursionError:
            raise Refused(f"{where}: values are nested too deeply", hint=self.hint) from None

    def to_text(self, value: object, kind: Any = None) -> str:
        """Return a value as one line of JSON, ASCII only."""
        return dumps(self.to_json(value, kind))

    def from_text(self, kind: type[T], text: str | bytes, where: str) -> T:
        """Return the value that `to_text` gave this text for.

        Raises:
            Refused: it is no JSON, or of another form; the message says what and where.
        """
        return self.from_json(kind, self.loads(text, where), where)

    def loads(self, text: str | bytes, where: str) -> Any:
        """Return what a JSON text says.

        Raises:
            Refused: it is no JSON; the message says why.
        """
        if not isinstance(text, str | bytes):
            # A cell of a database can hold anything.
            raise Refused(f"{where}: found no text", hint=self.hint)
        try:
            return loads(text)
        except ValueError as problem:
            raise Refused(f"{where}: {problem}", hint=self.hint) from None

    def upgraded(self, upgrade: Callable[[Any], object], form: object, where: str) -> object:
        """Return what a function makes of a document that an older version wrote.

        Raises:
            Refused: the function raised `Mismatch`, or the document is nested too deeply.
        """
        try:
            return upgrade(form)
        except Mismatch as problem:
            raise Refused(f"{where}{problem.place}: {problem.message}", hint=self.hint) from None
        except RecursionError:
            raise Refused(f"{where}: values are nested too deeply", hint=self.hint) from None

    def check_format(self, form: object, known: int, where: str, *, oldest: int = 1) -> int:
        """Return the version that a document says under `format`.

        Args:
            form: the document.
            known: the newest version that is read.
            where: how messages call it.
            oldest: the oldest version that is read.

        Raises:
            Refused: it is newer or older than what is read, or says no version.
        """
        try:
            table = read_table(form)
            if "format" not in table:
                raise missing("format", table)
            version = table["format"]
            if type(version) is not int or version < 1:
                raise found(version, "a whole number, at least 1", place=".format")
        except Mismatch as problem:
            raise Refused(f"{where}{problem.place}: {problem.message}", hint=self.hint) from None
        read = f"which reads format {oldest} to {known}"
        if oldest == known:
            read = f"which reads format {known}"
        if version > known:
            raise Refused(
                f"{where}: format {version} is newer than this walcrash, {read}", hint=UPGRADE
            )
        if version < oldest:
            raise Refused(
                f"{where}: format {version} is older than this walcrash, {read}",
                hint="read it with the walcrash that wrote it",
            )
        return version

    def describe(self, kind: type, definitions: Definitions) -> JsonSchema:
        """Return a dataclass's JSON Schema; the classes that it holds are put in `definitions`."""
        return self._shapes.describe(kind, definitions)


def dumps(form: object, *, is_sorted: bool = False) -> str:
    """Return a JSON value as one line, ASCII only; `is_sorted` puts keys in one order."""
    return json.dumps(
        form, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=is_sorted
    )


def loads(text: str | bytes) -> Any:
    """Return what a JSON text says; it may come from anybody.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or has a key twice in one object.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(decoded, parse_constant=_no_constant, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("values are nested too deeply") from None
    except ValueError as problem:
        raise ValueError(f"this is no JSON: {problem}") from None


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is no number")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return table
