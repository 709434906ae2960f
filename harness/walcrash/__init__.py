"""walcrash: crash-test a write-ahead log and judge what its recovery shows.

What `__all__` names is public: import it from here. Every other module and name is private and
may change in any release. Public beside these names are the command line, the pytest fixture
`walcrash`, and the formats that the reference documents: scenario files, the event log, the
driver protocol.

A name is loaded when it is first used, so that `import walcrash` costs next to nothing.

Source: PEP 562, for `__getattr__` of a module; the typing specification, "Version and platform
checking", for `TYPE_CHECKING`.
"""

from walcrash.values.version import VERSION

TYPE_CHECKING = False
"""True to type checkers, by its name. Importing `typing` for it would cost more than all else."""

if TYPE_CHECKING:
    from walcrash.api import WalcrashFixture, run
    from walcrash.subjects.adapter import Adapter, DefiniteFailure, EffectSink, SubjectGone
    from walcrash.subjects.contract_suite import AdapterContract
    from walcrash.values.contract import (
        Acknowledges,
        Contract,
        Damage,
        PersistenceModel,
        Promise,
    )
    from walcrash.values.errors import (
        ExitCode,
        HarnessFault,
        Inconclusive,
        Interrupted,
        ScenarioError,
        UsageError,
        WalcrashError,
    )
    from walcrash.values.finding import Finding
    from walcrash.values.log import ScenarioEnded, StopReason
    from walcrash.values.record import MalformedRecord, Record, RecordType, Undecodable
    from walcrash.values.recovery import (
        FailureKind,
        OperationState,
        OperationStatus,
        SubjectState,
    )
    from walcrash.values.run_result import RunResult
    from walcrash.values.verdict import Invariant, Verdict, Violation

__version__ = VERSION

_HOMES = {
    "Acknowledges": "values.contract",
    "Adapter": "subjects.adapter",
    "AdapterContract": "subjects.contract_suite",
    "Contract": "values.contract",
    "Damage": "values.contract",
    "DefiniteFailure": "subjects.adapter",
    "EffectSink": "subjects.adapter",
    "ExitCode": "values.errors",
    "FailureKind": "values.recovery",
    "Finding": "values.finding",
    "HarnessFault": "values.errors",
    "Inconclusive": "values.errors",
    "Interrupted": "values.errors",
    "Invariant": "values.verdict",
    "MalformedRecord": "values.record",
    "OperationState": "values.recovery",
    "OperationStatus": "values.recovery",
    "PersistenceModel": "values.contract",
    "Promise": "values.contract",
    "Record": "values.record",
    "RecordType": "values.record",
    "RunResult": "values.run_result",
    "ScenarioEnded": "values.log",
    "ScenarioError": "values.errors",
    "StopReason": "values.log",
    "SubjectGone": "subjects.adapter",
    "SubjectState": "values.recovery",
    "Undecodable": "values.record",
    "UsageError": "values.errors",
    "Verdict": "values.verdict",
    "Violation": "values.verdict",
    "WalcrashError": "values.errors",
    "WalcrashFixture": "api",
    "run": "api",
}
"""The module of each public name; the imports above say the same to type checkers."""

__all__ = [
    "Acknowledges",
    "Adapter",
    "AdapterContract",
    "Contract",
    "Damage",
    "DefiniteFailure",
    "EffectSink",
    "ExitCode",
    "FailureKind",
    "Finding",
    "HarnessFault",
    "Inconclusive",
    "Interrupted",
    "Invariant",
    "MalformedRecord",
    "OperationState",
    "OperationStatus",
    "PersistenceModel",
    "Promise",
    "Record",
    "RecordType",
    "RunResult",
    "ScenarioEnded",
    "ScenarioError",
    "StopReason",
    "SubjectGone",
    "SubjectState",
    "Undecodable",
    "UsageError",
    "Verdict",
    "Violation",
    "WalcrashError",
    "WalcrashFixture",
    "__version__",
    "run",
]


if not TYPE_CHECKING:  # to a type checker, a module with `__getattr__` has every name

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'walcrash' has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(f"walcrash.{_HOMES[name]}"), name)
        globals()[name] = found  # the next use does not come here
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
