"""Stories of cases: a case that was run, as the value that explanations are made from.

All boots are replayed on one pending model, so that after each shown event it is known what was
durable and what was not. A power loss goes on with the image that it left, a kill with
everything that was pending still pending.

Not here: words and layout (`report`); the byte view (`story_view`), calls and recoveries
(`story_parts`).
"""

from dataclasses import dataclass, field, replace
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.watched_boot import WatchedBoot
from walcrash.disk import (
    ChangeFate,
    ImageBuilder,
    NameState,
    NotModelled,
    Pending,
    change_fates,
    name_states,
)
from walcrash.findings.story_parts import elide_middle, short, story_calls, story_recoveries
from walcrash.findings.story_view import Touched, byte_view, effect_text
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import PowerLoss
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import Placement
from walcrash.values.persistence import weakest_of
from walcrash.values.story import (
    FATES_SHOWN,
    PATHS_SHOWN,
    RANGES_SHOWN,
    STEPS_SHOWN,
    Durability,
    Fate,
    PathState,
    Ranges,
    Step,
    Story,
    StoryBoot,
    StoryCrash,
)
from walcrash.values.tears import sector_bytes

_FEWEST_STEPS: Final = 8
"""Events of one boot that are shown however many boots there are."""

_NOWHERE: Final = NameState(Durability.ABSENT)


def build_story(run: CaseRun, *, promised: PersistenceModel) -> Story:
    """Return the story of a case.

    Args:
        run: the case, as it ran.
        promised: the contract's persistence model, by whose rules things are called durable
            unless a power loss of the case was under a weaker one.
    """
    rules = weakest_of((run.model, promised))
    try:
        return _StoryBuilder(run, rules, unknown="").build()
    except NotModelled as problem:
        return _StoryBuilder(run, rules, unknown=str(problem)).build()


@dataclass(slots=True)
class _CrashState:
    """Where a boot crashed: how many events happened, and of the next one how much."""

    happened: int
    torn: Event | None = None
    kept_bytes: int = 0
    choice: ImageChoice | None = None


@dataclass(slots=True)
class _Paths:
    """The names of the story, numbered as they come."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, path: str) -> int:
        """Return a name's number; -1 if there are too many."""
        if path not in self.numbers and len(self.numbers) >= PATHS_SHOWN:
            return -1
        return self.needed(path)

    def needed(self, path: str) -> int:
        """Return a name's number, however many there are."""
        return self.numbers.setdefault(path, len(self.numbers))

    def of_event(self, path: str) -> int:
        """Return the number of the name in an event, which does not say what is a directory."""
        if path == ".":
            return self.number("./")
        directory = f"{path}/"
        return self.number(directory if directory in self.numbers else path) if path else -1


class _StoryBuilder:
    """Goes through a case once; `unknown` says why the disk is left out, if it is."""

    def __init__(self, run: CaseRun, rules: PersistenceModel, *, unknown: str) -> None:
        self._run = run
        self._rules = rules
        self._unknown = unknown
        self._paths = _Paths()
        self._shown: dict[str, NameState] = {}
        # The weakest rules decide what an image has, the story's what is called durable.
        self._disk, self._durable = self._on(Image({}))
        # For each event that the model counts: the boot, the position in its trace, the call.
        self._origins: list[tuple[int, int, int]] = []
        self._touched = Touched()

    def _on(self, image: Image) -> tuple[Pending, Pending]:
        """Return a file system that has an image, for both uses."""
        size = sector_bytes(self._run.atomic_bytes)
        weak = Pending(image, sector_bytes=size, weakest=self._rules)
        return Pending(image, sector_bytes=size), weak

    def build(self) -> Story:
        boots = self._run.boots
        share = max(_FEWEST_STEPS, STEPS_SHOWN // max(1, len(boots)))
        shown_all = [self._boot(number, boot, share) for number, boot in enumerate(boots, start=1)]
        view = None if self._unknown else byte_view(self._touched, self._disk, self._paths.needed)
        return Story(
            paths=tuple(short(path) for path in self._paths.numbers),
            rules=self._rules,
            boots=tuple(shown_all),
            recoveries=story_recoveries(self._run),
            view=view,
            unknown=self._unknown,
        )

    def _boot(self, number: int, boot: WatchedBoot, share: int) -> StoryBoot:
        events = boot.events()
        crash_state = self._crash_state(boot, events)
        shown = elide_middle(crash_state.happened + (crash_state.torn is not None), share)
        self._touched.begin(number, boot)
        steps: list[Step] = []
        for at, event in enumerate(events[: crash_state.happened]):
            self._origins.append((number, at, event.call))
            is_last = crash_state.choice is None and at == len(events) - 1
            self._apply(at, event, is_short=is_last and _is_short_write(event))
            if at in shown:
                steps.append(self._step(at, event))
        crash = self._crash(number, boot, crash_state, steps)
        calls = story_calls(boot.history, {step.call for step in steps})
        return StoryBoot(
            calls=calls,
            call_count=len(boot.history.calls),
            steps=tuple(steps),
            event_count=crash_state.happened + (crash_state.torn is not None),
            end=boot.history.end,
            crash=crash,
        )

    def _crash_state(self, boot: WatchedBoot, events: tuple[Event, ...]) -> _CrashState:
        plan = boot.plan.crash
        if not isinstance(plan, PowerLoss) or plan.choice is None:
            return _CrashState(len(events))
        choice = plan.choice
        happened = max(0, choice.position.whole_events - len(self._origins))
        if choice.position.placement is not Placement.WITHIN:
            return _CrashState(happened, choice=choice)
        return _CrashState(happened, events[happened], choice.position.kept_bytes, choice)

    # One event.

    def _apply(self, at: int, event: Event, *, is_short: bool) -> None:
        self._touched.see(event)
        if self._unknown:
            return
        # A kill within a synchronous write: it never returned, so it has promised nothing.
        happened = replace(event, is_synchronous=False) if is_short else event
        self._disk.apply(happened)
        self._durable.apply(happened)

    def _step(self, at: int, event: Event, *, kept_bytes: int | None = None) -> Step:
        states = self._changed_states()
        is_whole = event.result == event.length if _has_length(event) else event.result >= 0
        result = None if is_whole else event.result
        return Step(
            event=at,
            call=event.call,
            kind=event.kind,
            path=self._paths.of_event(event.path),
            offset=event.offset,
            length=event.length,
            states=states,
            result=result if kept_bytes is None else kept_bytes,
            is_injected=event.is_injected,
            thread=event.thread,
            path_to=self._paths.of_event(event.path_to),
            is_synchronous=event.is_synchronous,
            text=event.begins.value if event.kind is EventKind.SLOW else effect_text(event),
        )

    def _changed_states(self) -> tuple[PathState, ...]:
        """Return the names that are in another state than they were last shown in."""
        if self._unknown:
            return ()
        now = name_states(self._durable)
        changed: list[PathState] = []
        for path in [*now, *(path for path in self._shown if path not in now)]:
            state = now.get(path, _NOWHERE)
            if state == self._shown.get(path, _NOWHERE):
                continue
            number = self._paths.number(path)
            if number >= 0:
                changed.append(_path_state(number, state))
        self._shown = now
        return tuple(changed)

    # The end of a boot.

    def _crash(
        self, number: int, boot: WatchedBoot, crash_state: _CrashState, steps: list[Step]
    ) -> StoryCrash | None:
        if crash_state.choice is not None:
            return self._power_loss(number, crash_state, crash_state.choice, steps)
        self._disk.reboot()
        self._durable.reboot()
        landing = boot.landing
        if landing is None:
            return None
        if landing.placement is Placement.WITHIN and not self._unknown:
            self._touched.tear_write(boot.events()[landing.event_index], self._disk)
        return StoryCrash(
            event=landing.event_index,
            placement=landing.placement,
            kept_bytes=landing.kept_bytes,
            model=PersistenceModel.KILL,
        )

    def _power_loss(
        self, number: int, crash_state: _CrashState, choice: ImageChoice, steps: list[Step]
    ) -> StoryCrash:
        position = choice.position
        event = max(0, position.event_index - (len(self._origins) - crash_state.happened))
        fates: list[ChangeFate] = []
        image = Image({})
        if self._unknown:
            if crash_state.torn is not None:
                steps.append(
                    self._step(
                        crash_state.happened, crash_state.torn, kept_bytes=crash_state.kept_bytes
                    )
                )
        elif crash_state.torn is None:
            fates, image = change_fates(self._disk, choice), ImageBuilder(self._disk).build(choice)
        else:
            self._origins.append((number, crash_state.happened, crash_state.torn.call))
            self._touched.see(crash_state.torn)
            with (
                self._disk.torn(crash_state.torn, crash_state.kept_bytes),
                self._durable.torn(crash_state.torn, crash_state.kept_bytes),
            ):
                steps.append(
                    self._step(
                        crash_state.happened, crash_state.torn, kept_bytes=crash_state.kept_bytes
                    )
                )
                fates = change_fates(self._disk, choice)
                image = ImageBuilder(self._disk).build(choice)
            self._disk.apply(crash_state.torn)
        shown_all = self._fates(fates)
        origins = [self._origins[fate.event] for fate in fates]
        calls = [call if boot == number else -1 for boot, _, call in origins]
        self._touched.lose(list(zip(fates, calls, strict=True)), self._disk, image)
        self._disk, self._durable = self._on(image)
        self._origins = []
        return StoryCrash(
            event=event,
            placement=position.placement,
            kept_bytes=position.kept_bytes,
            model=choice.model,
            fates=tuple(shown_all[:FATES_SHOWN]),
            fate_count=len(shown_all),
            states=self._changed_states(),
        )

    def _fates(self, fates: list[ChangeFate]) -> list[Fate]:
        shown_all = [
            Fate(
                *self._origins[fate.event][:2],
                self._paths.number(fate.path),
                fate.aspect,
                fate.is_kept,
                _few(fate.kept),
                _few(fate.lost),
                fate.is_stale,
            )
            for fate in fates
        ]
        return sorted(shown_all, key=lambda fate: fate.is_kept)


def _has_length(event: Event) -> bool:
    return event.kind is EventKind.WRITE


def _is_short_write(event: Event) -> bool:
    return event.kind is EventKind.WRITE and 0 < event.result < len(event.data)


def _path_state(number: int, state: NameState) -> PathState:
    return PathState(number, state.durability, state.size, state.durable_size, _few(state.pending))


def _few(ranges: Ranges) -> Ranges:
    if len(ranges) <= RANGES_SHOWN:
        return ranges
    last = ranges[RANGES_SHOWN - 1][0], ranges[-1][1]
    return (*ranges[: RANGES_SHOWN - 1], last)
