"""Building: from a choice to its image.

An image lists names in the order in which a capture of the same directory would.

Not here: which moments a choice means (`models`), the bytes of a sector (`file_history`).
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from walcrash.disk.crash_state import CrashState, FileState
from walcrash.disk.drawing import drawn
from walcrash.disk.entries import ROOT
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.models import resolve
from walcrash.disk.names import Names
from walcrash.disk.nodes import Directory
from walcrash.disk.pending import Pending
from walcrash.values.content import Content, content_digest
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event
from walcrash.values.image import DirectoryEntry, Entry, FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import SECTOR_BYTES, CrashPosition, Moment, Placement, after

# limits
MOST_CONTENTS: Final = 256
"""Contents of files that the images of one position share; the first that was made goes first."""

ContentKey = tuple[int, bool, int, Moment, tuple[tuple[int, Moment], ...]]


class ImageBuilder:
    """Builds the images of one crash position; they share the content that they have in common."""

    def __init__(self, pending: FileSystem) -> None:
        self._pending = pending
        self._contents: dict[ContentKey, Content] = {}
        self._digests: dict[int, tuple[Content, bytes]] = {}

    def build(self, choice: ImageChoice) -> Image:
        """Return the image of a choice at this position."""
        if choice.tree is not None:
            return choice.tree
        if choice.policy is Policy.DRAWN:
            choice = drawn(self._pending, choice)
        return self.build_state(resolve(self._pending, choice))

    def digest(self, image: Image) -> str:
        """Return `image.digest()`; content that images of this position share is read once."""
        return image.digest(self._content_digest)

    def _content_digest(self, content: Content) -> bytes:
        # An object that is kept is the only one with its id.
        known = self._digests.get(id(content))
        if known is None:
            if len(self._digests) == MOST_CONTENTS:
                del self._digests[next(iter(self._digests))]
            known = self._digests[id(content)] = content, content_digest(content)
        return known[1]

    def build_state(self, state: CrashState) -> Image:
        """Return the image of a crash state that is legal in some model."""
        entries: dict[str, Entry] = {}
        self._list(self._pending.names, ROOT, "", state, entries, {})
        return Image(entries)

    def _list(
        self,
        names: Names,
        directory: int,
        inside: str,
        state: CrashState,
        entries: dict[str, Entry],
        seen: dict[int, str],
    ) -> None:
        for text in sorted(names.directories[directory]):
            key, path = (directory, text), f"{inside}{text}"
            number = (
                state.targets[key]
                if key in state.targets
                else names.directories[directory][text].base
            )
            if number is None:
                continue
            node = self._pending.nodes[number]
            if isinstance(node, Directory):
                entries[path] = DirectoryEntry(state.modes.get(number, node.mode))
                self._list(names, number, f"{path}/", state, entries, seen)
            elif not isinstance(node, FileHistory):
                entries[path] = SymlinkEntry(node.target)
            elif number in seen:
                entries[path] = LinkEntry(seen[number])
            else:
                seen[number] = path
                content = self._content(node, state.files.get(number))
                entries[path] = FileEntry(content, state.modes.get(number, node.mode))

    def _content(self, file: FileHistory, state: FileState | None) -> Content:
        if state is None:
            return file.content(file.size, 0, {})
        if state.is_without_syncs and file.without_syncs is not None:
            file = file.without_syncs
        special = tuple(state.special.items())
        moment = file.reached(state.moment)
        key = (file.number, state.is_without_syncs, state.size, moment, special)
        content = self._contents.get(key)
        if content is None:
            if len(self._contents) == MOST_CONTENTS:
                del self._contents[next(iter(self._contents))]
            content = file.content(state.size, moment, state.special)
            self._contents[key] = content
        return content


def pending_at(
    base: Image,
    events: Iterable[Event],
    position: CrashPosition,
    *,
    sector_bytes: int,
    earlier: Iterable[Iterable[Event]] = (),
) -> tuple[Pending, Event | None]:
    """Replay a trace up to a position; return also the write within which it lies, if it does.

    `earlier` are the traces of boots before, as in `crash_states`; positions count their events.

    Raises:
        NotModelled: an event means something that the model has no rule for.
        ValueError: the trace is shorter than that.
    """
    pending = Pending(base, sector_bytes=sector_bytes)
    for boot in earlier:
        pending.apply_boot(boot)
    rest = iter(events)
    for event in islice(rest, max(0, position.whole_events - pending.next_event)):
        pending.apply(event)
    if pending.next_event < position.whole_events:
        raise ValueError(f"the trace has {pending.next_event} events; there is no {position}")
    if position.placement is not Placement.WITHIN:
        return pending, None
    torn = next(rest, None)
    if torn is None:
        raise ValueError(f"the trace has {pending.next_event} events; there is no {position}")
    return pending, torn


def rebuild(
    choice: ImageChoice,
    base: Image,
    events: Iterable[Event],
    *,
    earlier: Iterable[Iterable[Event]] = (),
) -> Image:
    """Return the image of a choice, from nothing but the durable base and the trace.

    Args:
        choice: which image.
        base: the durable image at the start.
        events: the trace.
        earlier: the traces of boots before this one, as in `crash_states`.

    Raises:
        NotModelled: an event means something that the model has no rule for.
        ValueError: the trace is not that of the choice.
    """
    pending, torn = pending_at(
        base, events, choice.position, sector_bytes=choice.sector_bytes, earlier=earlier
    )
    if torn is None:
        return ImageBuilder(pending).build(choice)
    with pending.torn(torn, choice.position.kept_bytes):
        return ImageBuilder(pending).build(choice)


def kill_image(base: Image, events: Iterable[Event], position: CrashPosition) -> Image:
    """Return exactly the directory that a SIGKILL at a position leaves.

    Raises:
        NotModelled: an event means something that the model has no rule for.
        ValueError: the trace is shorter than that.
    """
    return rebuild(kill_choice(position), base, events)


def kill_choice(position: CrashPosition, *, sector_bytes: int = SECTOR_BYTES) -> ImageChoice:
    """Return the choice of all that memory holds at a position; `sector_bytes` is what tears."""
    everything = after(position.event_index)
    return ImageChoice(
        model=PersistenceModel.KILL,
        position=position,
        policy=Policy.ALL,
        names=everything,
        files=everything,
        sector_bytes=sector_bytes,
    )
