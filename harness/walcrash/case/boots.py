"""The boots of one case as they are run one after the other, and what is durable between them.

A kill or a close leaves the page cache, so what a boot did not sync is still pending in the next
one; a power loss leaves one image, and nothing else.

Not here: which image a power loss leaves (`power_loss`), what is judged (`runner`,
`tools.audit.case`).
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import lru_cache
from typing import Final

from walcrash.case.recorded_boot import EMPTY, RecordedBoot
from walcrash.case.sandbox import Sandbox
from walcrash.case.watched_boot import WatchedBoot, watch_boot, with_errors
from walcrash.disk import Candidate
from walcrash.disk.rot import Rotten
from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.tree import restore
from walcrash.subjects.boots import Ending, read_boot
from walcrash.values.case import BootPlan, Landing
from walcrash.values.case_file import StoredCase
from walcrash.values.cell import BootKind
from walcrash.values.contract import PersistenceModel
from walcrash.values.damage import Rotted
from walcrash.values.event import INJECTED, MESSAGES, EventKind
from walcrash.values.faults import PowerLoss
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.persistence import weakest_of
from walcrash.values.tears import kill_unit_bytes
from walcrash.workload.fillers import Filling

# limits
HISTORIES: Final = 32
"""Histories of one boot, up to different messages, that are kept in memory."""


class CaseBoots:
    """The boots of one case so far.

    Attributes:
        watched: each of them, in order; a power loss changes how the last one ended.
    """

    def __init__(self, sandbox: Sandbox, stored: StoredCase) -> None:
        """Load the subject and empty the directory.

        Raises:
            HarnessFault: the harness could not do its work.
            ScenarioError: the subject cannot be loaded.
        """
        self.watched: list[WatchedBoot] = []
        self._sandbox = sandbox
        self._stored = stored
        self._durable: Image = EMPTY
        self._since_then: list[WatchedBoot] = []
        self._rotted: tuple[int, Rotted] | None = None
        sandbox.load(stored.subject, stored.limits)
        sandbox.clear()

    def run(self, plan: BootPlan) -> WatchedBoot:
        """Run the next boot on what the last one left.

        Raises:
            Inconclusive: the kernel refuses interception.
            HarnessFault: the harness could not do its work.
        """
        stored, number = self._stored, len(self.watched) + 1
        boot = watch_boot(
            self._sandbox,
            stored.subject,
            stored.limits,
            plan,
            number=number,
            faults=stored.case.faults_in(number - 1),
            tear_bytes=kill_unit_bytes(stored.contract.atomic_bytes),
        )
        boot = self._with_damage(boot, number)
        self.watched.append(boot)
        if not isinstance(plan.crash, PowerLoss):
            self._since_then.append(boot)
        return boot

    def _with_damage(self, boot: WatchedBoot, number: int) -> WatchedBoot:
        """Return a boot with what was damaged before it, if it is the first one behind that."""
        if self._rotted is None or self._rotted[0] != number:
            return boot
        return replace(boot, history=replace(boot.history, rotted=self._rotted[1]))

    def run_again(self, plan: BootPlan, before: Image) -> WatchedBoot:
        """Run the last boot once more, with another plan, on what it found.

        Raises:
            Inconclusive: the kernel refuses interception.
            HarnessFault: the harness could not do its work.
        """
        boot = self.watched.pop()
        if self._since_then and self._since_then[-1] is boot:
            self._since_then.pop()
        restore(before, self._sandbox.directory)
        return self.run(plan)

    def since_power(self) -> tuple[Image, tuple[WatchedBoot, ...]]:
        """Return what was durable after the last power loss, and the boots since then.

        The last boot is among them, whatever ends it.
        """
        earlier = [boot for boot in self._since_then if boot is not self.watched[-1]]
        return self._durable, (*earlier, self.watched[-1])

    def replace_since_power(self, boots: Sequence[WatchedBoot]) -> None:
        """Take other runs of the same boots since the last power loss in place of their own."""
        assert len(boots) == len(self.since_power()[1]), "they are the same boots"
        first = len(self.watched) - len(boots) + 1
        made = [self._with_damage(boot, number) for number, boot in enumerate(boots, start=first)]
        self.watched[-len(boots) :] = made
        self._since_then = made[:-1]

    def filled(self, plan: BootPlan, filling: Filling, count: int) -> BootPlan:
        """Return the plan of the last boot with fillers; the boots before it are as they ran."""
        number, case = len(self.watched), self._stored.case
        ran = tuple(boot.plan for boot in self.watched[: number - 1])
        boots = (*ran, *case.boots[number - 1 :])
        return filling.put_in(plan, count, replace(case, boots=boots), number)

    def as_power_finds(self) -> RecordedBoot:
        """Return the last boot as a power loss finds it, or as kills within it would."""
        boot, directory = self.watched[-1], self._sandbox.directory
        base, since = self.since_power()
        rows = boot.recording.rows
        said = [row.data for row in rows if row.kind in MESSAGES]
        # Several images are judged at one position, and most positions lie between two messages.
        number = len(self.watched)
        injected = [at for at, row in enumerate(rows) if row.flags & INJECTED]
        # What a slow call has lasted through is known by all that came after it had begun.
        slow = next((at for at, row in enumerate(rows) if row.kind is EventKind.SLOW), len(rows))

        @lru_cache(HISTORIES)
        def read(count: int, errors: int, slow_until: int) -> BootHistory:
            lost = Ending(BootEnd.POWER_LOST)
            shown = read_boot(boot.plan.operations, said[:count], lost, directory=directory)
            until = max(slow_until, injected[errors - 1] + 1 if errors else 0)
            met = with_errors(shown, boot.plan, boot.recording, number=number, until=until)
            rotted = boot.history.rotted
            return met if rotted is None else replace(met, rotted=rotted)

        def history_until(events: int) -> BootHistory:
            errors = sum(at < events for at in injected)
            count = sum(row.kind in MESSAGES for row in rows[:events])
            return read(count, errors, events if slow < events else 0)

        return RecordedBoot(
            number=number,
            plan=boot.plan,
            base=base,
            earlier=tuple(each.events() for each in since[:-1]),
            events=boot.events(),
            history_until=history_until,
            atomic_bytes=self._stored.contract.atomic_bytes,
            deadline=self._sandbox.deadline,
            kind=self._kind(),
        )

    def _kind(self) -> BootKind:
        """Return what the last boot began on."""
        if len(self.watched) == 1:
            return BootKind.FIRST
        crash = self.watched[-2].plan.crash
        if crash is None:
            return BootKind.CLOSED
        return BootKind.POWER_LOST if crash.is_power_loss else BootKind.KILLED

    def end_without_power(self, recorded: RecordedBoot, choice: ImageChoice) -> None:
        """Make the last boot what a power loss left of it, with the choice in its plan."""
        self.watched[-1] = without_power(self.watched[-1], recorded, choice)

    def go_on_from(self, recorded: RecordedBoot, candidate: Candidate) -> None:
        """End the last boot with an image, and let the next boot find it."""
        self.end_without_power(recorded, candidate.choice)
        restore(candidate.image, self._sandbox.directory)
        self._durable, self._since_then = candidate.image, []

    def branched(
        self, boots: Sequence[WatchedBoot], image: Image, *, durable: Image
    ) -> "CaseBoots":
        """Return other boots of the case, that begin as these; the directory holds their image.

        Args:
            boots: what takes the place of the first boots. The last of them was killed elsewhere
                than its own kill, or lost the power with another image.
            image: what it left.
            durable: what was durable after the last power loss; the image itself, if that was one.
        """
        other = copy(self)
        other.watched, other._durable = list(boots), durable
        losses = [at for at, boot in enumerate(boots) if isinstance(boot.plan.crash, PowerLoss)]
        other._since_then = list(boots[losses[-1] + 1 if losses else 0 :])
        restore(image, self._sandbox.directory)
        return other

    def damaged(self, found: Rotten) -> "CaseBoots":
        """Return other boots of the case, that begin as these; the next one finds what is damaged.

        The directory holds that; all of it is durable.
        """
        other = copy(self)
        other.watched, other._durable, other._since_then = list(self.watched), found.image, []
        other._rotted = len(self.watched) + 1, found.rotted
        restore(found.image, self._sandbox.directory)
        return other

    def histories(self, last: BootHistory | None = None) -> tuple[BootHistory, ...]:
        """Return the history of each boot; `last` takes the place of the last one."""
        histories = [boot.history for boot in self.watched]
        return tuple(histories) if last is None else (*histories[:-1], last)

    def landings(self) -> tuple[Landing, ...]:
        """Return where the crashes landed, in the order of the boots."""
        return tuple(boot.landing for boot in self.watched if boot.landing is not None)

    def model(self) -> PersistenceModel:
        """Return the weakest model that the boots' power losses needed."""
        crashes = [boot.plan.crash for boot in self.watched]
        choices = [crash.choice for crash in crashes if isinstance(crash, PowerLoss)]
        return weakest_of([PersistenceModel.KILL, *(choice.model for choice in choices if choice)])

    def unmodelled(self) -> str:
        """Say which calls were made that are not modelled; empty if there were none."""
        names = sorted({name for boot in self.watched for name in boot.recording.unmodelled})
        return f"calls that are not modelled: {', '.join(names)}" if names else ""

    def cut_short(self) -> str:
        """Say which boot made more events than are recorded; empty if none did."""
        for number, boot in enumerate(self.watched, start=1):
            if boot.recording.end is WatchEnd.TOO_LONG:
                return f"boot {number} made more than {len(boot.recording.rows)} events"
        return ""


def without_power(boot: WatchedBoot, recorded: RecordedBoot, choice: ImageChoice) -> WatchedBoot:
    """Return a boot as a power loss left it, with the choice in its plan."""
    crash = boot.plan.crash
    assert isinstance(crash, PowerLoss)
    exact = replace(crash, choice=choice)
    return replace(
        boot,
        plan=replace(boot.plan, crash=exact),
        history=recorded.history_at(choice.position),
        landing=recorded.landing(choice),
    )
