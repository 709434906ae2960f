"""Which groups of failing cases are one finding: those whose smallest cases have one cause.

Where a time budget was over before a group was minimised, its own case stands for it. Its crashes
are those that happened to be drawn, so that they tell no bug from another: it is joined to a
finding that breaks one of its rules, and the campaign says that there was no time to tell them
apart.

Not here: which cases are a group, and what a cause is (`minimise.cause`); how a finding is reported
(`finding_reports`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from walcrash.campaign.tally import Group, Tally
from walcrash.case.outcome import CaseOutcome, complexity
from walcrash.minimise.cause import cause_of
from walcrash.minimise.job import MinimalCase
from walcrash.values.case_file import StoredCase
from walcrash.values.cause import Cause, CrashSite, FateSite, fate_site, name_pattern
from walcrash.values.fate import Fate, FateKind
from walcrash.values.identity import canonical, finding_id
from walcrash.values.persistence import is_portability as is_beyond
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant, Violation


@dataclass(slots=True)
class FoundCause:
    """One finding: the groups with its cause, and the one whose minimal case is the simplest.

    Attributes:
        cause: of the simplest of them; it explains the others.
        is_portability: whether it does not count against the subject.
        best: the group that stands for it.
        minimal: its minimal case; None where that never failed again.
        groups: all groups, by name.
        errors: the calls that failed in them, where these were injected.
        named_as: the cause that gives the id in place of its own; None for its own.
    """

    cause: Cause
    is_portability: bool
    best: Group
    minimal: MinimalCase | None
    groups: dict[str, Group] = field(default_factory=dict)
    errors: set[CrashSite] = field(default_factory=set)
    named_as: Cause | None = None

    def explains(self, cause: Cause) -> bool:
        """Whether a cause is this finding's as well.

        The same call that failed is one bug, passed over or not, and so are all that are passed
        over on one file.
        """
        is_error = cause.error in self.errors and cause.invariant is self.cause.invariant
        return is_error or self.cause.explains(cause)

    @property
    def shown(self) -> CaseOutcome:
        """The case that is shown: the minimal one, where there is one."""
        return _shown(self.best, self.minimal)

    @property
    def invariant(self) -> Invariant:
        """The invariant that it is named for."""
        return self.best.best.worst.invariant

    @property
    def is_late(self) -> bool:
        """Whether a time budget was over before the case that is shown was known to be minimal."""
        return self.minimal is not None and self.minimal.is_late

    @property
    def is_unsettled(self) -> bool:
        """Whether it was over before that case was minimal, or before its recovery was watched."""
        return self.is_late or (self.minimal is not None and self.minimal.is_unwatched)


def most_telling_first(tally: Tally) -> list[str]:
    """Return the groups in the order in which they are minimised, where the time may be over.

    What counts comes first, then what is known by what became of it, what breaks the severest rule
    and what was seen most often.
    """

    def order(name: str) -> tuple[object, ...]:
        group = tally.group(name)
        best = group.best
        rank = RULES[best.worst.invariant].rank
        return name not in tally.groups, best.fate is None, rank, -group.seen, name

    return sorted({**tally.groups, **tally.portability_groups}, key=order)


def by_cause(tally: Tally, minimal: dict[str, MinimalCase]) -> dict[str, FoundCause]:
    """Return the findings that the groups come to, by id."""
    found: list[FoundCause] = []
    causes = {name: _cause(tally.group(name), made) for name, made in minimal.items()}
    notes = tally.portability_groups

    def order(name: str) -> tuple[object, ...]:
        # What lost the least first: it may explain what lost more.
        is_unsure = _has_other_errors(tally.group(name), minimal[name])
        return name in notes, is_unsure, _loss_order(causes[name])

    for name in sorted(causes, key=order):
        group, made, cause = tally.group(name), minimal[name], causes[name]
        # The smallest case may have an image that the contract covers, though its own had none.
        is_covered = made is not None and made.is_promised
        is_portability = name in notes and not is_covered
        # What breaks where writes are torn anyhow needs no note that other tears show it, too.
        is_torn = is_portability and is_torn_inside(group.best)
        alike = [
            each
            for each in found
            if (each.is_portability == is_portability or is_torn) and each.explains(cause)
        ]
        one = alike[0] if alike else FoundCause(cause, is_portability, group, made)
        if not alike:
            found.append(one)
        if one.is_portability != is_portability:
            continue
        one.groups[name] = group
        one.errors |= set() if cause.error is None else {cause.error}
        # The case that is shown has the very cause that the finding is named for.
        is_simpler = _rank(group, made) < _rank(one.best, one.minimal)
        if cause == one.cause and is_simpler:
            one.best, one.minimal = group, made
    known = _with_behind(_with_stale(_without_followers(found)))
    known = _with_late(_with_same_words(known))
    return {_id(tally, each): each for each in known}


def _without_followers(found: Sequence[FoundCause]) -> list[FoundCause]:
    """Join a plain finding to one whose smallest case breaks its invariant as well.

    No crash tells them apart, and what one case breaks at once is one bug as far as it shows.
    """

    def leads(one: FoundCause, each: FoundCause) -> bool:
        return (
            each.shown.is_plain
            and one.shown.is_plain
            and one.is_portability == each.is_portability
            and any(other.invariant is each.invariant for other in one.shown.violations)
        )

    return _joined(_severest_first(found), leads)


def _with_stale(found: Sequence[FoundCause]) -> list[FoundCause]:
    """Join a stale record that a crash brought back to one that needs none, in the same place.

    A log that takes for its own what was to be left behind does so after a crash as well.
    """

    def leads(one: FoundCause, each: FoundCause) -> bool:
        fate = one.cause.fate
        return (
            one.cause.is_plain
            and not each.cause.is_plain
            and one.is_portability == each.is_portability
            and fate is not None
            and fate.is_stale
            and fate == each.cause.fate
            and one.cause.error == each.cause.error
        )

    return _joined(sorted(found, key=lambda one: not one.cause.is_plain), leads)


def _with_behind(found: Sequence[FoundCause]) -> list[FoundCause]:
    """Join what breaks only behind new records to a finding whose smallest case breaks alike there.

    A record that was appended after a recovery and is gone at the next one is lost in a later boot
    of one case, and in the work behind the last recovery of another. Where the events tell what
    became of it, that decides. Without a crash, what breaks at a later boot is enough.
    """

    def leads(one: FoundCause, each: FoundCause) -> bool:
        broken = each.shown.worst
        return (
            broken.invariant is Invariant.NOT_APPENDABLE
            and one.invariant is not broken.invariant
            and broken.breaks_as is not None
            and each.cause.fate is None
            and one.is_portability == each.is_portability
            and one.cause.is_plain == each.cause.is_plain
            and one.cause.error == each.cause.error
            and one.cause.damaged == each.cause.damaged
            and (
                any(other.breaks_as is broken.breaks_as for other in one.shown.violations)
                or (one.cause.is_plain and one.invariant is broken.breaks_as)
            )
        )

    kept = _joined(_severest_first(found), leads)
    taken = [each for each in found if all(each is not one for one in kept)]
    for one in kept:
        # Its smallest case has a boot less, and is found first: in a short campaign alone.
        behind = next((each for each in taken if leads(one, each)), None)
        if behind is not None and _tells_little(one.cause.fate):
            one.named_as = behind.cause
    return kept


def _tells_little(fate: FateSite | None) -> bool:
    """Whether no event says why a record is not shown: it is there, or nothing is known."""
    return fate is None or fate == FateSite(kind=FateKind.THERE, path=fate.path)


def _with_same_words(found: Sequence[FoundCause]) -> list[FoundCause]:
    """Join recoveries that fail after kills with the same words, where no event tells why.

    The crash says little then: a lock file that nobody removes refuses every later start. What
    fails after something was acknowledged comes before a store that is half made.
    """

    def leads(one: FoundCause, each: FoundCause) -> bool:
        return _words(one) is not None and _words(one) == _words(each)

    def rank(one: FoundCause) -> tuple[object, ...]:
        return one.shown.is_before_promise, _loss_order(one.cause)

    return _joined(sorted(found, key=rank), leads)


def _words(found: FoundCause) -> tuple[object, ...] | None:
    """Return what a recovery said, its numbers left out; None where more than that is known."""
    cause, broken = found.cause, found.shown.worst
    is_known = cause.fate or cause.error or cause.damaged or cause.is_power_loss or cause.is_plain
    if broken.invariant is not Invariant.UNRECOVERABLE or is_known:
        return None
    return name_pattern(broken.message), found.is_portability


def _with_late(found: Sequence[FoundCause]) -> list[FoundCause]:
    """Join each that there was no time to minimise, or to watch, to one that breaks a rule of it.

    One that was minimised comes before one that was not, and of these what needs no crash, then the
    one with a fate, which is known before a case is minimised. What an error did is joined to its
    like only, and what needs no crash to no crash.
    """

    def rank(one: FoundCause) -> tuple[object, ...]:
        needs_crash, has_no_fate = not one.cause.is_plain, one.best.best.fate is None
        severity = RULES[one.invariant].rank
        return one.is_unsettled, needs_crash, has_no_fate, severity, -one.best.seen

    def leads(one: FoundCause, each: FoundCause) -> bool:
        return each.is_unsettled and _may_be_one(one, each)

    return _joined(sorted(found, key=rank), leads)


def _severest_first(found: Sequence[FoundCause]) -> list[FoundCause]:
    return sorted(found, key=lambda one: RULES[one.invariant].rank)


def _joined(
    found: Sequence[FoundCause], leads: Callable[[FoundCause, FoundCause], bool]
) -> list[FoundCause]:
    """Return findings without those that one before them leads, which takes their groups."""
    kept: list[FoundCause] = []
    for each in found:
        leader = next((one for one in kept if leads(one, each)), None)
        if leader is None:
            kept.append(each)
        else:
            leader.groups.update(each.groups)
    return kept


def _may_be_one(one: FoundCause, other: FoundCause) -> bool:
    """Whether nothing but its crashes tells the other, which is late, from this one."""
    return (
        one.is_portability == other.is_portability
        and (one.cause.is_plain or not other.cause.is_plain)
        and _may_be_one_error(one, other)
        and one.cause.damaged == other.cause.damaged
        and not _rules(one.shown.violations).isdisjoint(_rules(other.shown.violations))
    )


def _rules(every: Iterable[Violation]) -> set[Invariant]:
    """Return the rules that a case breaks, at once or behind new records.

    A mark is lost as a put is, by the same append.
    """
    rules = {rule for broken in every for rule in (broken.invariant, broken.breaks_as) if rule}
    return {Invariant.LOST_PUT if rule is Invariant.LOST_MARK else rule for rule in rules}


def _may_be_one_error(one: FoundCause, other: FoundCause) -> bool:
    """Whether the calls that failed tell two findings apart: not where they happened to be drawn.

    A case that there was no time to minimise may have several errors, and the one that it is told
    by need not be the one that matters. Of one error it is not known whether it was passed over:
    what is on one file then is one.
    """
    failed, others = one.cause.error, other.cause.error
    if failed == others:
        return True
    if failed is None or others is None:
        return False
    is_on_one_file = one.cause.is_passed_over and failed.path == others.path
    return _has_errors(other.shown) or is_on_one_file


def _has_other_errors(group: Group, made: MinimalCase | None) -> bool:
    """Whether there was no time to find out which error of a group's case matters."""
    is_late = made is None or made.is_late
    return is_late and _has_errors(_shown(group, made))


def _has_errors(outcome: CaseOutcome) -> bool:
    """Whether several errors were injected into a case."""
    return sum(boot.injected for boot in outcome.boots) > 1


def _loss_order(cause: Cause) -> tuple[bool, bool, int, int, bool, str]:
    fate = cause.fate
    found = 0 if fate is None else len(fate.found) + len(fate.others)
    # An error that was passed over is that of its file, and gives the finding its id.
    is_told_by_call = not cause.is_passed_over
    is_behind = cause.invariant is Invariant.NOT_APPENDABLE
    is_unknown = fate is None
    return is_told_by_call, is_unknown, found, len(cause.lost), is_behind, canonical(cause.facts)


def _id(tally: Tally, found: FoundCause) -> str:
    scenario = tally.scenario
    return finding_id(
        scenario.name,
        scenario.subject,
        (found.named_as or found.cause).facts,
        is_portability=found.is_portability,
    )


def _cause(group: Group, made: MinimalCase | None) -> Cause:
    """Return the cause that a group shows: its minimal case's, else that of its own.

    Where there was no time for it, or to watch its recovery, what the events of the group's own
    case decide stands for what those of its minimal one would.
    """
    best = group.best
    invariant = best.worst.invariant
    if made is None or made.cause is None:
        return cause_of(
            invariant,
            best.landings_of_cause,
            fate=fate_site(best.fate, invariant),
            is_plain=best.is_plain,
            error=best.error,
            damaged=best.damaged,
        )
    if made.cause.damaged:
        return made.cause
    fate = fate_site(shown_fate(best, made), invariant) or made.cause.fate
    if made.is_unwatched or (fate is None and not made.is_finished):
        fate = fate_site(best.fate, invariant) or fate
    return replace(made.cause, fate=fate)


def shown_fate(best: CaseOutcome, minimal: MinimalCase | None) -> Fate | None:
    """Return the fate of the case that is shown.

    A case that there was no time to watch says nothing by itself; where it is the group's own,
    that one was watched when it failed.

    Args:
        best: the group's own case.
        minimal: the smallest one that is known, if any.
    """
    if minimal is None or minimal.outcome is None:
        return best.fate
    is_own = minimal.outcome.stored == best.stored
    return best.fate if minimal.fate is None and is_own else minimal.fate


def _rank(group: Group, minimal: MinimalCase | None) -> tuple[object, ...]:
    """Return what orders groups of one cause: the one that says most comes first."""
    is_bare = minimal is None or minimal.outcome is None
    return is_bare, complexity(_shown(group, minimal))


def _shown(group: Group, minimal: MinimalCase | None) -> CaseOutcome:
    return group.best if minimal is None or minimal.outcome is None else minimal.outcome


def is_torn_inside(outcome: CaseOutcome) -> bool:
    """Whether a note is one for the way in which writes are torn, and not for its model."""
    return not is_beyond(outcome.model, promised=stored_case(outcome).contract.model)


def stored_case(outcome: CaseOutcome) -> StoredCase:
    """Return the case of one that failed, as it is kept."""
    assert outcome.stored is not None, "a case that failed is kept"
    return outcome.stored
