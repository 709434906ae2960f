"""The sandbox of one job: its directory, its two zygotes and its recoverers.

Everything that a case needs from the machine is here; the case itself is in `runner`.

Not here: the kinds of processes that open images (`recoverers`).
"""

import contextlib
import os
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from typing import Final

from walcrash.case.copied_boots import IS_COPIED
from walcrash.case.deadline import NO_DEADLINE, Deadline
from walcrash.case.recoverer import failure_of_status
from walcrash.case.recoverers import Around, RecovererKind, Recoverers, Serves
from walcrash.case.subject_requests import LOAD, RUN_WATCHED, load_request, watched_request
from walcrash.recorder.environment import HERE, PERTURBED
from walcrash.recorder.perturbed_calls import ADAPTER
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.timer_kill import run_unwatched
from walcrash.recorder.tree import capture, clear, restore
from walcrash.recorder.watch import Watched, watch
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.recorder.zygote import LoadError, Zygote
from walcrash.subjects.boots import BootReader, Ending
from walcrash.subjects.messages import Description, MalformedOutput, read_description, read_reply
from walcrash.subjects.worker import BootRequest
from walcrash.values.closeable import Closeable
from walcrash.values.errors import Inconclusive, ScenarioError, SubjectUnopened
from walcrash.values.faults import End, Fault, around_of
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.image import Image
from walcrash.values.operation import Operation
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.tears import PAGE_BYTES
from walcrash.values.varied import Varied, in_order

_RUN_UNWATCHED: Final = "walcrash.subjects.worker:run_unwatched"

INTERCEPTION: Final = "WALCRASH_INTERCEPTION"
"""Environment variable; `off` runs all boots unwatched, as on a kernel that refuses."""


class Sandbox(Closeable):
    """One job's processes and directory; use it with `with`: nothing of it outlives the block.

    Attributes:
        directory: the subject's.
        deadline: when its work has to end.
    """

    def __init__(self) -> None:
        """Make the directory and start the zygotes.

        Raises:
            HarnessFault: there is no room, or no process can be started.
        """
        self._work = WorkingDirectory()
        self._root = self._work.path
        self.directory = f"{self._root}/subject"
        self.deadline: Deadline = NO_DEADLINE
        self._zygotes: list[Zygote] = []
        self._recoverers = Recoverers(self._zygotes)
        self._loaded: dict[str, Description] = {}
        self._never_copied: set[str] = set()
        self._refusal: Inconclusive | None = refusal_by_user()
        try:
            os.mkdir(self.directory)
            for environment in (HERE, PERTURBED):
                self._zygotes.append(Zygote(environment, self._root))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all processes and remove the directory."""
        self._recoverers.close()
        for zygote in self._zygotes:
            zygote.close()
        self._zygotes.clear()
        self._work.close()

    @property
    def zygote(self) -> Zygote:
        """The fork server of the first environment."""
        return self._zygotes[0]

    def load(self, subject: SubjectSpec, limits: RecoveryLimits) -> Description:
        """Load a subject's adapter into both zygotes.

        Raises:
            ScenarioError: there is no such adapter, it cannot be imported or made, or what it
                says of itself makes no sense.
            SubjectUnopened: it cannot be started, or opened in an empty directory.
            TimeOver: there is no time left.
        """
        self.deadline.check()
        key = subject.identity
        if key not in self._loaded:
            # Recoverers were forked before the adapter was there.
            self.end_recoverers()
            try:
                texts = [self._load(zygote, subject, limits) for zygote in self._zygotes]
                self._loaded[key] = _read_description(texts, subject)
            except (LoadError, MalformedOutput) as problem:
                raise _not_loaded(subject, problem) from None
        return self._loaded[key]

    def assume(self, subject: SubjectSpec, description: Description | None) -> None:
        """Take a subject that does not open for one that is so, to watch it; or, with None, not."""
        if description is None:
            self._loaded.pop(subject.identity, None)
        else:
            self._loaded[subject.identity] = description

    def _load(self, zygote: Zygote, subject: SubjectSpec, limits: RecoveryLimits) -> bytes:
        """Load a subject's adapter into one zygote; return what that says of it."""
        with tempfile.TemporaryDirectory(dir=self._root, prefix="scratch-") as scratch:
            request = load_request(subject, limits, scratch)
            return zygote.load(LOAD, request, seconds=30 + limits.seconds)

    def boot(
        self,
        subject: SubjectSpec,
        operations: tuple[Operation, ...],
        crash: End | None,
        limits: RecoveryLimits,
        faults: Sequence[Fault] = (),
        *,
        tear_bytes: int = PAGE_BYTES,
    ) -> Watched:
        """Run one boot in the directory as it is, under watch where that is possible.

        With a power loss the boot runs to its end; the power is lost at a position of its trace.
        A kill within a write cuts it at a multiple of `tear_bytes` of its file.

        Raises:
            Inconclusive: interception is missing, and what is done to the subject needs it.
            TimeOver: there is no time left, or the boot did not end in it.
        """
        self.deadline.check()
        kill = None if crash is None or crash.is_power_loss else crash
        payload = watched_request(
            subject, limits, self.directory, operations, awaits_kill=kill is not None
        )
        plan = WatchPlan(
            crash=kill,
            seconds_per_call=limits.seconds,
            tear_bytes=tear_bytes,
            injections=tuple(fault.injection() for fault in faults),
            sees_reads=any(fault.sees_reads for fault in faults),
            reverts_files=any(fault.reverts_files for fault in faults),
            takes_turns=any(fault.takes_turns for fault in faults),
            around=around_of(faults),
            ends_at=self.deadline.at,
        )
        zygote, memory_mb = self._zygotes[0], limits.memory_mb
        if self._refusal is None:
            try:
                watched = watch(
                    zygote,
                    RUN_WATCHED,
                    payload,
                    directory=self.directory,
                    plan=plan,
                    memory_mb=memory_mb,
                )
                return self._in_time(watched)
            except Inconclusive as problem:
                self._refusal = problem
            finally:
                self._mend_directory()
        needing = [crash.noun] if crash is not None and crash.needs_interception else []
        needing += [str(fault) for fault in faults]
        if needing:
            raise Inconclusive(
                f"{needing[0]} needs interception, and {self._refusal.message}; "
                'kills on a timer (`kind = "kill-timer"`) do without',
                hint="walcrash doctor",
            )
        return self._in_time(
            run_unwatched(zygote, _RUN_UNWATCHED, payload, plan=plan, memory_mb=memory_mb)
        )

    def _in_time(self, watched: Watched) -> Watched:
        """Return a boot that was not ended for the deadline: that is nothing of the subject's."""
        if watched.recording.end is WatchEnd.HUNG:
            self.deadline.check()
        return watched

    def recover(
        self,
        subject: SubjectSpec,
        operations: tuple[Operation, ...],
        limits: RecoveryLimits,
        *,
        is_perturbed: bool = False,
        is_clock_back: bool = False,
        is_killed: bool = False,
        is_forked: bool,
        is_copied: bool = False,
    ) -> BootHistory:
        """Run one boot that is not watched in the directory as it is.

        Args:
            subject: what to open.
            operations: what to do, `open` first.
            limits: time for the whole boot, memory.
            is_perturbed: in the other environment.
            is_clock_back: in the first environment, with a wall clock that has gone back.
            is_killed: leave the directory as a kill right after the operations would.
            is_forked: in a process of the subject's own, which is gone without `close` afterwards,
                and with it everything that it started.
            is_copied: the process of a driver may be a copy of one that has started.

        Raises:
            TimeOver: there is no time left, or the boot did not end in it.
        """
        history, left = self._recover(
            subject,
            operations,
            limits,
            kind=self._kind(
                subject,
                is_perturbed=is_perturbed,
                is_clock_back=is_clock_back,
                is_forked=is_forked,
                is_copied=is_copied,
            ),
            is_killed=is_killed,
        )
        if left is not None:
            restore(left, self.directory)
        return history

    def recover_killed(
        self,
        subject: SubjectSpec,
        operations: tuple[Operation, ...],
        limits: RecoveryLimits,
        *,
        is_forked: bool,
        is_copied: bool,
        like: Image,
    ) -> tuple[BootHistory, Image | None]:
        """Run one boot as `recover` does with `is_killed`, and put nothing back.

        Returns:
            The boot, and what the kill left where the directory holds what `close` made of it; None
            where it holds what was left. The image shares with `like` what has not changed.

        Raises:
            TimeOver: as `recover`.
        """
        kind = self._kind(subject, is_forked=is_forked, is_copied=is_copied)
        return self._recover(subject, operations, limits, kind=kind, is_killed=True, like=like)

    def _recover(
        self,
        subject: SubjectSpec,
        operations: tuple[Operation, ...],
        limits: RecoveryLimits,
        *,
        kind: RecovererKind,
        is_killed: bool,
        like: Image | None = None,
    ) -> tuple[BootHistory, Image | None]:
        self.deadline.check()
        is_held = is_killed and kind.serves is Serves.ITSELF
        request = BootRequest(
            adapter=subject.adapter,
            options=subject.arguments(limits.seconds),
            directory=self.directory,
            operations=operations,
            is_held=is_held,
        )
        reader = BootReader(operations, directory=self.directory)
        is_new = self._recoverers.known(kind, limits.memory_mb, subject.identity) is None
        if kind.serves is Serves.IN_COPIES and is_new:
            kind = self._prepare_copies(subject, limits, kind)
        recoverer = self._recoverers.get(kind, limits.memory_mb, subject.identity)
        seconds = self.deadline.within(limits.seconds)
        failure = recoverer.converse(request, seconds, reader.take)
        if failure is not None:
            # Before the directory is read: what hung may still write.
            ended = failure_of_status(self._recoverers.end(kind))
            if ended.kind is FailureKind.MEMORY_FAULT:
                failure = ended
        self._mend_directory()
        if failure is not None and failure.kind is FailureKind.HUNG:
            self.deadline.check()
        end = BootEnd.CLOSED if failure is None else BootEnd.DIED
        history = reader.finish(Ending(end, failure))
        if isinstance(history.recovery, RecoveryFailure) and not kind.outlives_failures:
            self._recoverers.end(kind)
        elif is_held and failure is None:
            return history, self._let_go(kind, seconds, like)
        return history, None

    def _let_go(self, kind: RecovererKind, seconds: float, like: Image | None) -> Image:
        """Let a recoverer close what it holds; return what the directory held before.

        A kill leaves what the kernel had by then, and that is what is returned. A fork that
        is gone without `close` would leave the same, and costs several times as much.
        """
        image = capture(self.directory, like=like)
        if not self._recoverers[kind].let_go(seconds):
            self._recoverers.end(kind)
        return image

    def _mend_directory(self) -> None:
        """Have a directory again where a subject took its own away."""
        if os.path.isdir(self.directory) and not os.path.islink(self.directory):
            return
        if os.path.lexists(self.directory):
            os.unlink(self.directory)
        os.makedirs(self.directory, exist_ok=True)

    def clear(self) -> None:
        """Empty the subject's directory."""
        clear(self.directory)

    def _prepare_copies(
        self, subject: SubjectSpec, limits: RecoveryLimits, kind: RecovererKind
    ) -> RecovererKind:
        """Have a driver started that copies are made of, in the directory while that is empty.

        Returns:
            By what kind of recoverer it is to be opened.
        """
        request = BootRequest(
            adapter=subject.adapter,
            options=subject.arguments(limits.seconds),
            directory=self.directory,
            operations=(),
        )
        recoverer = self._recoverers.get(kind, limits.memory_mb, subject.identity)
        said: list[bytes] = []
        seconds = self.deadline.within(limits.seconds)
        with self._empty_directory():
            failure = recoverer.converse(request, seconds, said.append)
            is_copied = failure is None and IS_COPIED in said
            if not is_copied:
                self._recoverers.end(kind)
        if is_copied:
            return kind
        self.start_each(subject)
        return kind._replace(serves=Serves.IN_DRIVERS)

    @contextlib.contextmanager
    def _empty_directory(self) -> Iterator[None]:
        """Have an empty directory for a while in place of the subject's, which comes back."""
        aside = f"{self._root}/aside"
        os.rename(self.directory, aside)
        try:
            os.mkdir(self.directory)
            yield
        finally:
            self._mend_directory()
            clear(self.directory)
            os.rmdir(self.directory)
            os.rename(aside, self.directory)

    def _kind(
        self,
        subject: SubjectSpec,
        *,
        is_perturbed: bool = False,
        is_clock_back: bool = False,
        is_forked: bool,
        is_copied: bool,
    ) -> RecovererKind:
        around = Around.CLOCK_BACK if is_clock_back else Around.HERE
        around = Around.PERTURBED if is_perturbed else around
        if not is_forked:
            return RecovererKind(around, Serves.ITSELF)
        if not subject.driver:
            return RecovererKind(around, Serves.IN_FORKS)
        # What is varied is varied around each start.
        is_copied &= around is Around.HERE and self.copies(subject)
        return RecovererKind(around, Serves.IN_COPIES if is_copied else Serves.IN_DRIVERS)

    def copies(self, subject: SubjectSpec) -> bool:
        """Whether boots of a driver may be those of copies of one that has started."""
        return bool(subject.driver) and subject.identity not in self._never_copied

    def start_each(self, subject: SubjectSpec) -> None:
        """Have a driver started for each of its boots from now on."""
        self._never_copied.add(subject.identity)

    def varied(self, subject: SubjectSpec) -> tuple[Varied, ...]:
        """Return what was varied around the recoveries of a subject so far, for which program.

        A driver's adapter is our own, so nothing is said of its process.

        Raises:
            HarnessFault: what answers a process in the second environment has failed.
        """
        found = self._recoverers.varied(subject.identity)
        return in_order(v for v in found if not subject.driver or v.program != ADAPTER)

    def end_recoverers(self) -> None:
        """End all processes that open images."""
        self._recoverers.end_all()

    def end_shared_recoverers(self) -> None:
        """End the processes that keep what a subject began, with all that lives on in them."""
        self._recoverers.end_shared()


def _not_loaded(subject: SubjectSpec, problem: Exception) -> ScenarioError:
    if subject.driver:
        return ScenarioError(
            f"the driver `{shlex.join(subject.driver)}` cannot be used: {problem}",
            hint=f"walcrash check {shlex.join(subject.driver)}",
        )
    text, hint = str(problem), ""
    if isinstance(problem, LoadError):
        text, hint = problem.message, problem.hint
    return ScenarioError(
        f"the subject's adapter `{subject.adapter}` cannot be loaded:\n{text}",
        hint=hint or f"walcrash check {_words_of(subject)}",
    )


def _words_of(subject: SubjectSpec) -> str:
    """Return an adapter and its options as `walcrash check` takes them."""
    options = [f"--option={name}={_value(value)}" for name, value in subject.options.items()]
    return shlex.join([*options, subject.adapter])


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def refusal_by_user() -> Inconclusive | None:
    """Return why nothing is to be intercepted, if somebody turned that off."""
    if os.environ.get(INTERCEPTION) != "off":
        return None
    return Inconclusive(f"it is turned off here ({INTERCEPTION}=off)")


def _read_description(texts: list[bytes], subject: SubjectSpec) -> Description:
    """Read what the zygotes said of an adapter; all must have loaded it."""
    replies = [read_reply(text) for text in texts]
    for reply in replies:
        if reply.get("unopened") is True:
            words = shlex.join(subject.driver)
            raise SubjectUnopened(
                f"the driver `{words}` cannot be opened in an empty directory: "
                f"{reply.get('error')}",
                hint=f"walcrash check {words}",
            )
        if not reply["ok"]:
            raise LoadError(str(reply.get("error", "")), hint=str(reply.get("hint", "")))
    return read_description(replies[0])
