"""The scenario file's schema: every key, what it may hold, and what it means.

This is the one place that knows the file format: the checks, the JSON Schema and the reference
page (`docs`) all come from the fields below and those of `fault_table`. What concerns two keys at
once is in `checks`.

Not here: reading a file and putting the problems into words (`file`). pydantic is
imported by these modules and `table` alone, since it costs 90 ms.

Source: `harness/walcrash/docs/reference/driver-protocol.md`, section
`[contract]`.
"""

import math
from typing import Annotated, Final

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from walcrash.scenario.fault_table import FaultTable
from walcrash.scenario.pinned import PinnedTable
from walcrash.scenario.table import LIST_NAMES, WEIGHT, number_of, range_of
from walcrash.scenario.table import Read as _Read
from walcrash.scenario.table import Table as _Table
from walcrash.scenario.table import member_of as _member
from walcrash.values.contract import Acknowledges, Damage, PersistenceModel, Promise
from walcrash.values.limits import (
    BOOTS_PER_CASE,
    CASES_PER_SCENARIO,
    CLOCK_BACK,
    OPERATIONS_PER_BOOT,
    PAYLOAD_BYTES,
)
from walcrash.values.moments import SECTOR_BYTES
from walcrash.values.scenario import RECOVERY_SECONDS, IdStyle
from walcrash.values.tears import ATOMIC_BYTES
from walcrash.values.verdict import Invariant

# limits
FORMAT: Final = 1
"""The version of the scenario format that this walcrash reads."""

FAULTS: Final = 100
"""Most faults in one scenario."""

PAYLOAD_SIZES: Final = 1000
"""Most payload sizes in one scenario."""

MEMORY_MB: Final = 1_048_576
"""Largest memory limit, megabytes: one terabyte."""

SECONDS: Final = 31_536_000
"""Longest time that can be asked for, seconds: one year."""

SUMMARY_CHARACTERS: Final = 2000
"""Longest summary."""

OPTION_INTEGER: Final = 2**63
"""Integers in options are signed 64 bits, as TOML says."""

ALL: Final = "all"


def _read_option(value: object) -> object:
    is_whole = isinstance(value, int) and -OPTION_INTEGER <= value < OPTION_INTEGER
    is_number = isinstance(value, float) and math.isfinite(value)
    if not (isinstance(value, str) or is_whole or is_number):
        allowed = "text, a finite number (a whole one has 64 bits), true or false"
        raise PydanticCustomError("option", "not a scalar", {"allowed": allowed})
    return value


def _expand_all(value: object) -> object:
    names = [invariant.value for invariant in Invariant]
    if isinstance(value, str) and value != ALL:
        allowed = '"all", or a list of the ids of invariants'
        raise PydanticCustomError("option", "not `all`", {"allowed": allowed})
    return names if value == ALL else value


class SubjectTable(_Table):
    """Which WAL is tested, and through which adapter or driver: one of them is named."""

    adapter: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description=(
            "The Python adapter: a built-in name, one that an installed package has registered "
            "in the group `walcrash.subjects`, `module:Class`, or `path/to/file.py:Class` "
            "with the path relative to the scenario file."
        ),
        examples=["reference"],
    )
    driver: list[Annotated[str, Field(max_length=4096)]] | None = Field(
        default=None,
        min_length=1,
        max_length=LIST_NAMES,
        description=(
            "Instead of an adapter: an executable that speaks the driver protocol, with its "
            "arguments; the subject's directory is added as the last one. A program with a slash "
            "in its name, and an argument that begins with `./` or `../`, is a path relative "
            "to the scenario file; other programs are looked up on the `PATH`. "
            "The scenario then states the `[contract]`."
        ),
        examples=[["./mywal-driver", "--sync=always"]],
    )
    options: dict[
        str,
        Annotated[
            str | int | float | bool,
            _Read(_read_option, {"type": ["string", "integer", "number", "boolean"]}),
        ],
    ] = Field(
        default_factory=dict,
        max_length=LIST_NAMES,
        description="Keyword arguments for the adapter's constructor; a driver gets words.",
    )


class ContractTable(_Table):
    """What the subject promises; without this table the adapter's own contract holds."""

    acknowledges: Annotated[Acknowledges, _member(Acknowledges)] = Field(
        default=Acknowledges.APPEND,
        description="A record is promised when `append`, or the next `sync`, has replied.",
        examples=["append"],
    )
    kill: Annotated[Promise, _member(Promise)] = Field(
        default=Promise.ALL,
        description=(
            "What is there after a process kill: all promised records, a prefix of the appended "
            "ones, or none (no promise)."
        ),
        examples=["all"],
    )
    power: Annotated[Promise, _member(Promise)] = Field(
        default=Promise.ALL,
        description="What is there after a power loss: the same three.",
        examples=["all"],
    )
    model: Annotated[PersistenceModel, _member(PersistenceModel)] = Field(
        default=PersistenceModel.EXT4,
        description="The weakest persistence model that the power promise covers.",
        examples=["ext4"],
    )
    detects: list[Annotated[Damage, _member(Damage)]] = Field(
        default_factory=list,
        max_length=LIST_NAMES,
        description=(
            "Damage that recovery must notice: `torn` is always judged, `rot` where a fault of "
            "that kind damages what was stored."
        ),
        examples=[["torn", "rot"]],
    )
    max_attempts: int | None = Field(
        default=None,
        ge=1,
        le=WEIGHT,
        description=(
            "Failed attempts after which an operation is permanently failed; without it, "
            "`failed` and `permanent_failed` are judged as one."
        ),
        examples=[3],
    )
    atomic_bytes: Annotated[int, number_of(ATOMIC_BYTES)] = Field(
        default=SECTOR_BYTES,
        description=(
            "What lies inside so many bytes, aligned in the file, is relied upon to be written "
            "whole: 512, a sector of a disk; 4096, for a store that relies on whole pages; 1, for "
            "one that relies on nothing, so that writes are torn at any byte. With 512 and 4096 "
            "such tears are tried too, and what they show is reported beside the verdict."
        ),
        examples=[512],
    )


def _weight(description: str) -> int:
    weight: int = Field(default=0, ge=0, le=WEIGHT, description=description, examples=[3])
    return weight


class MixTable(_Table):
    """How often each operation is drawn, as whole-number weights; what is left out is 0."""

    put: int = _weight("Append a PutOperation with a new id.")
    done: int = _weight("Append a MarkDone for an operation that was put and is not done.")
    failed: int = _weight("Append a MarkFailed for an operation that was put and is not done.")
    sync: int = _weight("Sync (where the subject supports `sync`).")
    apply: int = _weight("Apply and save the checkpoint (where the subject supports `apply`).")
    tick: int = _weight("One turn of the engine (where the subject supports `effects`).")
    compact: int = _weight("Compact (where the subject supports `compact`).")
    replay: int = _weight("Replay from the start or from an earlier append of the same boot.")


class PhaseTable(_Table):
    """What is different in one boot: the first table is for the first boot, the last for all left.

    A key that is left out is as in `[workload]`.
    """

    operations: Annotated[tuple[int, int], range_of(0, OPERATIONS_PER_BOOT)] | None = Field(
        default=None,
        description="How many operations are drawn for this boot.",
        examples=[[10, 30]],
    )
    mix: MixTable | None = Field(
        default=None, description="How often each operation is drawn in this boot."
    )
    payload_bytes: list[Annotated[int, Field(ge=0, le=PAYLOAD_BYTES)]] | None = Field(
        default=None,
        min_length=1,
        max_length=PAYLOAD_SIZES,
        description="The payload sizes to draw from in this boot, in bytes.",
        examples=[[45_000, 100_000]],
    )
    clean_close: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="How many in 100 such boots, unless they are last, end with `close`.",
        examples=[100],
    )


class WorkloadTable(_Table):
    """How operations are drawn; a file without this table has a workload fitted to the subject."""

    boots: Annotated[tuple[int, int], range_of(1, BOOTS_PER_CASE)] = Field(
        default=(1, 1), description="How many boots a case has.", examples=[[1, 3]]
    )
    operations: Annotated[tuple[int, int], range_of(0, OPERATIONS_PER_BOOT)] = Field(
        default=(5, 25),
        description=(
            "How many operations are drawn for a boot, `open` and `close` not counted. Before a "
            "kill within a write up to 256 puts are added where payloads are shorter than a page."
        ),
        examples=[[10, 30]],
    )
    mix: MixTable = Field(
        default=MixTable(put=5, done=3, failed=1),
        description="How often each operation is drawn; 5 put, 3 done and 1 failed without it.",
    )
    payload_bytes: list[Annotated[int, Field(ge=0, le=PAYLOAD_BYTES)]] = Field(
        default=[0, 1, 16, 100, 1000],
        min_length=1,
        max_length=PAYLOAD_SIZES,
        description=(
            "The payload sizes to draw from, in bytes; one named twice is drawn twice. Payloads "
            "may grow to the longest where a write is to be torn at a page or sector end."
        ),
        examples=[[0, 1, 100, 5000]],
    )
    ids: Annotated[IdStyle, _member(IdStyle)] = Field(
        default=IdStyle.PLAIN,
        description="The form of operation ids: `op-17`, or any text that could be an id.",
        examples=["odd"],
    )
    clean_close: int = Field(
        default=0,
        ge=0,
        le=100,
        description="How many in 100 boots, the last aside, end with `close` and not a fault.",
        examples=[20],
    )
    clock_back: int = Field(
        default=CLOCK_BACK,
        ge=0,
        le=100,
        description=(
            "How many in 100 cases have a wall clock that goes back by 25 hours before new records "
            "are appended after the recovery; with 0 no control case has it either."
        ),
        examples=[0],
    )
    phases: list[PhaseTable] = Field(
        default_factory=list,
        max_length=BOOTS_PER_CASE,
        description="What is different in the first boot, the second, and so on.",
    )

    def has(self, key: str) -> bool:
        """Whether some boot draws the operation of a key of the mix."""
        mixes = [phase.mix or self.mix for phase in self.phases] or [self.mix]
        return any(getattr(mix, key) > 0 for mix in mixes)


class InvariantsTable(_Table):
    """Which rules recovery is judged by."""

    check: Annotated[
        list[Annotated[Invariant, _member(Invariant)]],
        BeforeValidator(_expand_all),
        Field(min_length=1, max_length=LIST_NAMES),
        WithJsonSchema(
            {
                "anyOf": [
                    {"const": ALL},
                    {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "string", "enum": [each.value for each in Invariant]},
                    },
                ]
            }
        ),
    ] = Field(
        default=list(Invariant),
        description=(
            '`"all"`, which is the default, or the ids of invariants. The report lists those that '
            "were not judged, with the reason."
        ),
        examples=[["lost-put", "order"]],
    )


class BudgetTable(_Table):
    """When a campaign stops, whichever is first."""

    cases: int = Field(
        default=200, ge=1, le=CASES_PER_SCENARIO, description="After so many cases.", examples=[200]
    )
    seconds: float | None = Field(
        default=None,
        gt=0,
        le=SECONDS,
        description="After so many seconds; `--cases` leaves it out. All are used without `cases`.",
        examples=[60],
    )


class LimitsTable(_Table):
    """What one boot or recovery may take before it counts as failed."""

    recovery_seconds: float = Field(
        default=10.0, gt=0, le=RECOVERY_SECONDS, description="Seconds.", examples=[10]
    )
    recovery_memory_mb: int = Field(
        default=512, ge=1, le=MEMORY_MB, description="Megabytes.", examples=[512]
    )


class ScenarioTable(_Table):
    """A walcrash scenario: a subject, a workload, faults, invariants and a budget."""

    format: int = Field(
        ge=FORMAT,
        le=FORMAT,
        description="The version of this file format; a reader refuses a newer one.",
        examples=[FORMAT],
    )
    name: str = Field(
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=100,
        description="The scenario's name: the same as the file's, without `.toml`.",
        examples=["torn-tail"],
    )
    summary: str = Field(
        min_length=1,
        max_length=SUMMARY_CHARACTERS,
        description="What the scenario is for, in a sentence or two.",
        examples=["A crash in the middle of a write."],
    )
    subject: SubjectTable = Field(description="The WAL under test.")
    contract: ContractTable | None = Field(
        default=None, description="What the subject promises; without it, what its adapter says."
    )
    workload: WorkloadTable = Field(
        default=WorkloadTable(), description="What is done to the subject between faults."
    )
    faults: list[FaultTable] = Field(
        min_length=1, max_length=FAULTS, description="What ends the boots, and what fails in them."
    )
    invariants: InvariantsTable = Field(
        default=InvariantsTable(), description="Which invariants are checked."
    )
    budget: BudgetTable = Field(default=BudgetTable(), description="When the campaign stops.")
    limits: LimitsTable = Field(
        default=LimitsTable(), description="What a recovery may take before it counts as failed."
    )
    pinned: list[PinnedTable] = Field(
        default_factory=list, max_length=FAULTS, description="Cases that run first."
    )


TABLES: Final[dict[tuple[str, ...], type[_Table]]] = {
    (): ScenarioTable,
    ("subject",): SubjectTable,
    ("contract",): ContractTable,
    ("workload",): WorkloadTable,
    ("workload", "mix"): MixTable,
    ("workload", "phases"): PhaseTable,
    ("workload", "phases", "mix"): MixTable,
    ("faults",): FaultTable,
    ("invariants",): InvariantsTable,
    ("budget",): BudgetTable,
    ("limits",): LimitsTable,
    ("pinned",): PinnedTable,
}
"""The table at each place of the file, positions in arrays left out."""


def schema_json() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a scenario file, with every key described."""
    schema = ScenarioTable.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
