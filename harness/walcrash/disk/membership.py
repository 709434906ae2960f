"""Membership: is a tree an image that a model allows at a position; if not, the nearest reason.

Decided exactly, and not by listing images: a model says in which ways names may be
(`DiskModel.arrangements`), and given one of them each mode, size and sector is free of the others.
So a tree is an image where, for one arrangement, each of them can be as the tree has it.

Where no arrangement fits, the answer is what the nearest one lacks: the one in which the fewest
names are wrong; of these the fewest modes, then sizes, then sectors.

Not here: stale bytes of which the trace knows nothing: where a model allows stale bytes, they are
those that it would show there itself (`freed`).

Source: the rules of each model, `harness/walcrash/docs/reference/models/`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeVar

from walcrash.disk.entries import ROOT, EntryKey
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.model import Sought
from walcrash.disk.models import MODELS
from walcrash.disk.nodes import Directory, Symlink
from walcrash.disk.space import Arrangement, FileOptions
from walcrash.values.content import Content
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import Inconclusive
from walcrash.values.image import DirectoryEntry, Entry, FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.moments import STALE, Moment
from walcrash.values.story import Aspect

# limits
MOST_ARRANGEMENTS: Final = 60_000
"""Most arrangements of names that are gone through; of more the tree is undecided."""

MOST_ARRANGEMENTS_FOR_A_REASON: Final = 2_000
"""Most arrangements that are gone through to say which names are wrong, where all have some."""

MOST_ALLOWED_SHOWN: Final = 6
"""Most values of a model that a refusal lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a tree is no image: the first thing that the nearest arrangement of names cannot explain.

    Attributes:
        path: the name that is wrong.
        aspect: what of it is: the name itself, its mode, its size or its data.
        names: the moment of the names in the nearest arrangement, where they are at one; else -1.
        offset: for data, where the first wrong sector begins, in bytes; else -1.
        sectors: for data, how many sectors of the file are wrong; else 0.
        found: what the tree has: what the name is, the mode in octal, the size, or the sector.
        allowed: what the model allows there, in any arrangement that is as near; the first few.
    """

    path: str
    aspect: Aspect
    names: Moment = -1
    offset: int = -1
    sectors: int = 0
    found: str | int | bytes | None
    allowed: tuple[str | int | bytes | None, ...]


MayBeAnything = Callable[[FileSystem, FileHistory, int], bool]
"""Whether a sector of a file may hold anything."""


def why_not(
    pending: FileSystem,
    model: PersistenceModel,
    image: Image,
    *,
    may_be_anything: MayBeAnything | None = None,
) -> Refusal | None:
    """Return None if a model allows a tree where a file system is, else the nearest reason.

    Args:
        pending: the file system, at the position; it has to remember what the model needs.
        model: the model.
        image: the tree that was found.
        may_be_anything: which sectors are not looked at; None for none.

    Raises:
        Inconclusive: there are too many ways in which the names may be.
    """
    rules = MODELS[model]
    assert rules.needs <= pending.keeps, "the pending model has forgotten what this one needs"
    search = _Search(pending, image, may_be_anything)
    for count, arrangement in enumerate(
        rules.arrangements(pending, is_sought=_sought(pending, image))
    ):
        if count == MOST_ARRANGEMENTS:
            raise Inconclusive(
                f"undecided: names may be in more than {count:,} ways under `{model.value}`, and "
                "none of those that were tried is the tree that was found",
                hint="cut the trace where fewer names are pending, after an fsync of a directory",
            )
        if search.fits(arrangement):
            return None
    if search.nearest is None:
        for arrangement in islice(rules.arrangements(pending), MOST_ARRANGEMENTS_FOR_A_REASON):
            search.fits(arrangement)
    assert search.nearest is not None, "every model allows some arrangement"
    return search.nearest


def explaining(
    pending: FileSystem, model: PersistenceModel, image: Image
) -> tuple[Arrangement, Mapping[str, int]] | None:
    """Return an arrangement of a model that explains a tree, and what each path leads to in it.

    None where none does, or none of `MOST_ARRANGEMENTS`. The arguments are those of `why_not`.
    """
    search = _Search(pending, image, None)
    every = MODELS[model].arrangements(pending, is_sought=_sought(pending, image))
    for arrangement in islice(every, MOST_ARRANGEMENTS):
        if search.fits(arrangement):
            return arrangement, _layout(pending, arrangement)[0]
    return None


Shown = TypeVar("Shown", str, int, bytes)

_Shape = tuple[str, str]
"""What a name is: a kind, and the text of a symbolic link or the first name of a link."""

_Missing = tuple[int, int, int, int]
"""How much of a tree a arrangement does not explain: names, modes, sizes, sectors."""


class _Search:
    """The arrangements that were tried, and what the nearest of them cannot explain."""

    def __init__(
        self, pending: FileSystem, image: Image, may_be_anything: MayBeAnything | None
    ) -> None:
        self._pending = pending
        self._may_be_anything = may_be_anything
        self._image = image
        self._want = {path: _shape(entry) for path, entry in image.entries.items()}
        self._files: dict[tuple[int, str], tuple[FileOptions, _Missing, Refusal | None]] = {}
        self._least: _Missing | None = None
        self.nearest: Refusal | None = None

    def fits(self, arrangement: Arrangement) -> bool:
        """Whether a arrangement explains all of the tree; remember it where it is the nearest."""
        nodes, have = _layout(self._pending, arrangement)
        moments = set(arrangement.entries.values())
        names = moments.pop() if len(moments) == 1 else -1
        wrong = [path for path in have.keys() | self._want.keys() if self._differs(path, have)]
        if wrong:
            self._note((len(wrong), 0, 0, 0), self._name_refusal(min(wrong), have, names))
            return False
        missing, first = (0, 0, 0, 0), None
        for part, refusal in self._parts(arrangement, nodes):
            missing = _plus(missing, part)
            first = first or refusal
        if first is None:
            return True
        self._note(missing, replace(first, names=names))
        return False

    def _differs(self, path: str, have: Mapping[str, _Shape]) -> bool:
        return have.get(path) != self._want.get(path)

    def _note(self, missing: _Missing, refusal: Refusal) -> None:
        if self.nearest is None or self._least is None or missing < self._least:
            self._least, self.nearest = missing, refusal
        elif missing == self._least and _place(refusal) == _place(self.nearest):
            allowed = tuple(dict.fromkeys((*self.nearest.allowed, *refusal.allowed)))
            self.nearest = replace(self.nearest, allowed=allowed[:MOST_ALLOWED_SHOWN])

    def _name_refusal(self, path: str, have: Mapping[str, _Shape], names: Moment) -> Refusal:
        found, allowed = self._want.get(path), have.get(path)
        return Refusal(
            path=path,
            aspect=Aspect.NAME,
            names=names,
            found=_said(found),
            allowed=(_said(allowed),),
        )

    def _parts(
        self, arrangement: Arrangement, nodes: Mapping[str, int]
    ) -> Iterator[tuple[_Missing, Refusal | None]]:
        """Yield what the modes and the files of a tree lack in a arrangement, modes first."""
        for path, number in nodes.items():
            entry = self._image.entries[path]
            if isinstance(entry, (FileEntry, DirectoryEntry)):
                yield self._mode(path, entry.mode, number, arrangement)
        options = {one.file.number: one for one in arrangement.files}
        for path, number in nodes.items():
            entry = self._image.entries[path]
            file = self._pending.nodes[number]
            if isinstance(entry, FileEntry) and isinstance(file, FileHistory):
                yield self._file(path, entry.content, file, options.get(number))

    def _mode(
        self, path: str, mode: int, number: int, arrangement: Arrangement
    ) -> tuple[_Missing, Refusal | None]:
        node = self._pending.nodes[number]
        assert not isinstance(node, Symlink), "a symbolic link has no mode"
        allowed = arrangement.modes.get(number, [node.mode])
        if mode in allowed:
            return (0, 0, 0, 0), None
        shown = _few(f"{each:o}" for each in allowed)
        refusal = Refusal(path=path, aspect=Aspect.MODE, found=f"{mode:o}", allowed=shown)
        return (0, 1, 0, 0), refusal

    def _file(
        self, path: str, content: Content, file: FileHistory, options: FileOptions | None
    ) -> tuple[_Missing, Refusal | None]:
        if options is None:
            options = FileOptions(file, [file.size], {})
        known = self._files.get((file.number, path))
        if known is None or known[0] is not options:
            known = options, *self._compared(path, content, options)
            self._files[file.number, path] = known
        return known[1:]

    def _compared(
        self, path: str, content: Content, options: FileOptions
    ) -> tuple[_Missing, Refusal | None]:
        if len(content) not in options.sizes:
            refusal = Refusal(
                path=path, aspect=Aspect.SIZE, found=len(content), allowed=_few(options.sizes)
            )
            return (0, 0, 1, 0), refusal
        unit = self._pending.sector_bytes
        wrong = list(_wrong_sectors(content, options, unit))
        if self._may_be_anything is not None:
            skips, file = self._may_be_anything, options.file
            wrong = [sector for sector in wrong if not skips(self._pending, file, sector)]
        if not wrong:
            return (0, 0, 0, 0), None
        first = wrong[0]
        part = content[first * unit : (first + 1) * unit]
        refusal = Refusal(
            path=path,
            aspect=Aspect.DATA,
            offset=first * unit,
            sectors=len(wrong),
            found=part,
            allowed=_few(_contents(options, first, len(part))),
        )
        return (0, 0, 0, len(wrong)), refusal


def _place(refusal: Refusal) -> tuple[str, Aspect, int]:
    return refusal.path, refusal.aspect, refusal.offset


def _plus(one: _Missing, other: _Missing) -> _Missing:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def _few(values: Iterable[Shown]) -> tuple[Shown, ...]:
    return tuple(islice(dict.fromkeys(values), MOST_ALLOWED_SHOWN))


# Names.


def _shape(entry: Entry) -> _Shape:
    match entry:
        case DirectoryEntry():
            return "directory", ""
        case SymlinkEntry(target):
            return "symlink", target
        case LinkEntry(first_name):
            return "link", first_name
        case FileEntry():
            return "file", ""


def _said(shape: _Shape | None) -> str | None:
    return None if shape is None else " ".join(shape).rstrip()


def _layout(
    pending: FileSystem, arrangement: Arrangement
) -> tuple[dict[str, int], dict[str, _Shape]]:
    """Return, for each path of an arrangement, what it leads to and what it is."""
    targets = arrangement.targets(pending)
    nodes: dict[str, int] = {}
    shapes: dict[str, _Shape] = {}
    first: dict[int, str] = {}

    def walk(directory: int, inside: str) -> None:
        for text, name in sorted(pending.names.directories[directory].items()):
            key, path = (directory, text), f"{inside}{text}"
            number = targets.get(key, name.base)
            if number is None:
                continue
            node, nodes[path] = pending.nodes[number], number
            if isinstance(node, Directory):
                shapes[path] = "directory", ""
                walk(number, f"{path}/")
            elif isinstance(node, Symlink):
                shapes[path] = "symlink", node.target
            else:
                shapes[path] = ("link", first[number]) if number in first else ("file", "")
                first.setdefault(number, path)

    walk(ROOT, "")
    return nodes, shapes


def _sought(pending: FileSystem, image: Image) -> Sought:
    """Return which moments of an entry can give what a tree has at its path.

    Only an entry that has one path, with no other entry for that path, is judged: what it leads to
    is then there in the tree, or is not. All others may be at any moment.
    """
    paths = _paths_of_entries(pending)
    holders = Counter(path for places in paths.values() for path in places)
    own = {
        key: path
        for key, places in paths.items()
        for path in places
        if len(places) == 1 and holders[path] == 1
    }

    def is_sought(key: EntryKey, moment: Moment) -> bool:
        path = own.get(key)
        if path is None:
            return True
        parent = path.rpartition("/")[0]
        if parent and parent not in image.entries:
            return True
        number, entry = pending.names.pending[key].at(moment), image.entries.get(path)
        if number is None or entry is None:
            return number is None and entry is None
        node = pending.nodes[number]
        kinds: dict[type, tuple[type, ...]] = {
            FileHistory: (FileEntry, LinkEntry),
            Directory: (DirectoryEntry,),
            Symlink: (SymlinkEntry,),
        }
        return isinstance(entry, kinds[type(node)])

    return is_sought


def _paths_of_entries(pending: FileSystem) -> dict[EntryKey, set[str]]:
    """Return every path that an entry may have, wherever its directory may be."""
    directories = pending.names.directories
    places: dict[EntryKey, set[str]] = defaultdict(set)
    waiting = [(ROOT, "")]
    seen = set(waiting)
    while waiting:
        directory, inside = waiting.pop()
        for text, name in directories[directory].items():
            path = f"{inside}{text}"
            places[directory, text].add(path)
            for number in {name.base, *(target for _, target in name.changes)}:
                # A directory that was moved below another one can be above it in another entry.
                is_loop = path.count("/") > len(directories)
                if number is None or number not in directories or is_loop:
                    continue
                step = number, f"{path}/"
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
    return places


# Content.


def _wrong_sectors(content: Content, options: FileOptions, unit: int) -> Iterator[int]:
    """Yield the sectors of a file that can be at no moment as they were found."""
    at_rest = options.file.content(len(content), options.otherwise, {})
    for first in range(0, len(content), unit):
        part, sector = content[first : first + unit], first // unit
        if sector in options.sectors:
            if part not in _contents(options, sector, len(part)):
                yield sector
        elif at_rest[first : first + unit] != part:
            yield sector


def _contents(options: FileOptions, sector: int, length: int) -> Iterator[bytes]:
    """Yield what a sector may hold, as far as a size reaches into it."""
    file = options.file
    for moment in options.sectors.get(sector, [options.otherwise]):
        found = file.stale_sector(sector) if moment == STALE else file.sector(sector, moment)
        yield found[:length]
