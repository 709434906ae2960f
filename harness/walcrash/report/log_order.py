"""What the lines of one event log may say after each other.

A log begins once and ends once, tells of the scenarios that its first line names, each of them
begun and ended once, its cases in their order, and no finding twice. A log may end after any line:
its run was killed. What breaks this was put together by hand, or is two logs in one.

Not here: what one line may hold (`values.log`), and several logs as one (`merge`).
"""

from walcrash.values.codec import Refused
from walcrash.values.codec_scalars import shown
from walcrash.values.log import (
    LOG,
    CampaignEnded,
    CampaignStarted,
    CaseJudged,
    FindingReported,
    LogLine,
    ScenarioEnded,
    ScenarioStarted,
    line_name,
)


class LogOrder:
    """The lines of one log so far; `add` takes them one by one."""

    def __init__(self) -> None:
        self._scenarios: tuple[str, ...] | None = None
        self._is_ended = False
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._last_case: dict[str, int] = {}
        self._findings: set[str] = set()

    def add(self, line: LogLine | None) -> None:
        """Take in the next line; None is one of a kind that is not known.

        Raises:
            Refused: it cannot stand there; the message says which key, and why.
        """
        if self._is_ended:
            raise _refused("line", "found a line behind `campaign-ended`, which is the last one")
        if isinstance(line, CampaignStarted):
            self._begin(line)
        elif self._scenarios is None:
            raise Refused("an event log begins with `campaign-started`", hint=LOG.hint)
        elif isinstance(line, CampaignEnded):
            self._is_ended = True
        elif line is not None:
            self._add_of_scenario(line, self._scenarios)

    def _begin(self, line: CampaignStarted) -> None:
        if self._scenarios is not None:
            raise _refused("line", "found a second `campaign-started`; an event log is of one run")
        if len(set(line.scenarios)) < len(line.scenarios):
            raise _refused(f"{line_name(type(line))}.scenarios", "a scenario stands there twice")
        self._scenarios = line.scenarios

    def _add_of_scenario(
        self,
        line: ScenarioStarted | CaseJudged | FindingReported | ScenarioEnded,
        scenarios: tuple[str, ...],
    ) -> None:
        place = line_name(type(line))
        if isinstance(line, FindingReported):
            self._add_finding(line, f"{place}.finding")
            name, place = line.finding.scenario, f"{place}.finding"
        else:
            name = line.scenario
        if name not in scenarios:
            allowed = "a scenario that `campaign-started` names"
            raise _refused(f"{place}.scenario", f"found {shown(name)}; allowed: {allowed}")
        if name in self._ended:
            raise _refused(f"{place}.scenario", f"{shown(name)} has ended in an earlier line")
        if isinstance(line, ScenarioStarted):
            if name in self._begun:
                raise _refused(f"{place}.scenario", f"{shown(name)} has begun in an earlier line")
            self._begun.add(name)
        elif isinstance(line, ScenarioEnded):
            self._ended.add(name)
        elif isinstance(line, CaseJudged) and not line.pinned:
            self._add_case(line)

    def _add_case(self, line: CaseJudged) -> None:
        if line.scenario not in self._begun:
            why = f"{shown(line.scenario)} has begun in no earlier line"
            raise _refused("case-judged.scenario", why)
        last = self._last_case.get(line.scenario, -1)
        if line.case <= last:
            allowed = f"a whole number above {last}, that of the case before"
            raise _refused("case-judged.case", f"found {line.case}; allowed: {allowed}")
        self._last_case[line.scenario] = line.case

    def _add_finding(self, line: FindingReported, place: str) -> None:
        name = line.finding.id
        if name in self._findings:
            raise _refused(f"{place}.id", f"{shown(name)} was reported in an earlier line")
        self._findings.add(name)


def _refused(place: str, why: str) -> Refused:
    return Refused(f"{place}: {why}", hint=LOG.hint)
