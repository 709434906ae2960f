"""The table of one fault: what it is, where it may fall, and the keys of each class of fault.

Not here: which keys a class takes (`walcrash.values.faults`), what two keys say together
(`checks`).
"""

from typing import Annotated, Final

from pydantic import Field
from pydantic_core import PydanticCustomError

from walcrash.scenario.table import LIST_NAMES, WEIGHT, Read, Table, member_of, name_of, range_of
from walcrash.values.damage import DamageKind
from walcrash.values.event import EventKind
from walcrash.values.faults import BootSelector, ErrorName, FaultCall, FaultKind
from walcrash.values.faults.plan import CASE_IMAGES
from walcrash.values.faults.sync_failure import SyncFailure
from walcrash.values.limits import BYTES_PER_BOOT, CLOCK_SHIFT_SECONDS, FAULT_TIMES, SLOW_MS
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType

# limits
IMAGES: Final = 1_000_000
"""Most images of one case."""

DELAY_US: Final = 600_000_000
"""Longest delay of a timer, microseconds: ten minutes."""

FILES_CHARACTERS: Final = 1000
"""Longest pattern of file names."""

ONCE: Final = "once"
FROM_THEN_ON: Final = "from then on"

OPERATION_NAMES: Final = tuple(
    [kind.value for kind in OperationKind] + [type_.value for type_ in RecordType]
)


def _read_times() -> Read:
    """Read `"once"` as 1 and `"from then on"` as None."""
    words = {ONCE: 1, FROM_THEN_ON: None}
    allowed = f'"{ONCE}", "{FROM_THEN_ON}", or a whole number of 1 to {FAULT_TIMES}'

    def checked(value: object) -> int | None:
        if isinstance(value, str) and value in words:
            return words[value]
        if type(value) is int and 1 <= value <= FAULT_TIMES:
            return value
        raise PydanticCustomError("range", "not a number of times", {"allowed": allowed})

    number = {"type": "integer", "minimum": 1, "maximum": FAULT_TIMES}
    return Read(checked, {"anyOf": [{"type": "string", "enum": list(words)}, number]})


class FaultTable(Table):
    """One kind of fault, and where it may fall."""

    kind: Annotated[FaultKind, member_of(FaultKind)] = Field(
        description=(
            "What ends a boot: an exact kill, one on a timer, or a power loss anywhere in the "
            "boot. Or what is injected into a boot, whatever ends it: an error in place of a "
            "call, a call that moves a part only, a disk that is full for a while, a call that is "
            "slow, a wall clock that jumps, random bytes that repeat; or rot, in what the last "
            "boot left. Of those that are injected a boot has at "
            "most one; where nothing ends a boot, it is closed."
        ),
        examples=["kill"],
    )
    weight: int = Field(
        default=1,
        ge=1,
        le=WEIGHT,
        description="How often this fault is drawn among the scenario's faults.",
        examples=[3],
    )
    boots: Annotated[BootSelector, member_of(BootSelector)] = Field(
        default=BootSelector.ANY,
        description="Which boots it may fall into; `later` is every boot but the first.",
        examples=["any"],
    )
    operations: list[Annotated[str, name_of(OPERATION_NAMES)]] = Field(
        default_factory=list,
        max_length=LIST_NAMES,
        description=(
            "The operations that it may fall into, by operation or by record type; without it, "
            "any. A kill in `open` is a kill during recovery."
        ),
        examples=[["append"]],
    )
    event: Annotated[EventKind, member_of(EventKind)] | None = Field(
        default=None,
        description="Count only the operation's events of this kind; without it, all.",
        examples=["write"],
    )
    placements: list[Annotated[Placement, member_of(Placement)]] = Field(
        default=list(Placement),
        min_length=1,
        max_length=LIST_NAMES,
        description="Before, within or after the event; only a write has a `within`.",
        examples=[["before", "after"]],
    )
    delay_us: Annotated[tuple[int, int], range_of(0, DELAY_US)] = Field(
        default=(0, 20_000),
        description="For `kill-timer`: the delay after the boot's first event, microseconds.",
        examples=[[0, 20_000]],
    )
    images: int | None = Field(
        default=None,
        ge=1,
        le=IMAGES,
        description=(
            "For `power` and `rot`: most disk images that are judged in one case. Without it "
            f"{CASE_IMAGES}, and fewer in the first cases, so that many cases are seen soon."
        ),
        examples=[200],
    )
    calls: list[Annotated[FaultCall, member_of(FaultCall)]] = Field(
        default_factory=list,
        max_length=LIST_NAMES,
        description=(
            "For `error` and `short`: the calls that fail. `open` is that of a file that is there, "
            "`create` and `truncate` also open one, `fsync` is fdatasync as well. Without it any "
            "that changes files, for `short` a write; `open`, `read`, `close`, `map`, `msync` "
            "and `page` fail only where they are named. `page` is a page of a shared mapping that "
            "cannot be read: to touch it ends in SIGBUS. For `slow`: the calls that take long, "
            "without it `fsync`."
        ),
        examples=[["write", "fsync"]],
    )
    errors: list[Annotated[ErrorName, member_of(ErrorName)]] = Field(
        default_factory=list,
        max_length=LIST_NAMES,
        description=(
            "For `error`: what the calls return; without it, all that the kernel can give for "
            "them. For `quota`: `ENOSPC` or `EDQUOT`."
        ),
        examples=[["EIO", "ENOSPC"]],
    )
    times: Annotated[int | None, _read_times()] = Field(
        default=1,
        description=(
            "For `error`, `short` and `slow`: how many matching calls in a row are hit, or "
            '`"from then on"`: all that are left of the boot. Without it one is; of `slow` one, or '
            "all from then on, boot by boot."
        ),
        examples=["from then on"],
    )
    files: str = Field(
        default="",
        max_length=FILES_CHARACTERS,
        description=(
            "For `error`, `short` and `slow`: only calls on files whose path, or the name at its "
            "end, matches this pattern (`*`, `?`, `[...]`); the directory itself is `.`. For "
            "`rot`: only these files are damaged."
        ),
        examples=["*.log"],
    )
    room_bytes: Annotated[tuple[int, int], range_of(0, BYTES_PER_BOOT)] = Field(
        default=(0, 4096),
        description=(
            "For `quota`: by how much the files may still grow. One in three times it is 0. Space "
            "is back after 1 to 6 operations, or when the boot ends."
        ),
        examples=[[0, 4096]],
    )
    failed_sync: Annotated[SyncFailure, member_of(SyncFailure)] = Field(
        default=SyncFailure.KEPT,
        description=(
            'For `error` with `calls = ["fsync"]` and `errors = ["EIO"]`: what the file '
            "system makes of the failure. `kept`: the call fails, and memory keeps the new "
            "content, as on ext4, XFS and today's btrfs. `late`: the call returns 0, and the "
            "file's next sync fails for it, as on ext4 with data=journal in 2020. `reverted`: the "
            "call fails, and the file is again what it was at its last sync, as on btrfs in 2020."
        ),
        examples=["late"],
    )
    delay_ms: Annotated[tuple[int, int], range_of(1, SLOW_MS)] = Field(
        default=(1, 1000),
        description=(
            "For `slow`: how long the call takes, milliseconds of virtual time; seven in eight "
            "take 50 at most, where that is allowed. Each event of another thread is a "
            "millisecond, and where none can go on, the call returns."
        ),
        examples=[[1, 1000]],
    )
    shift_seconds: Annotated[
        tuple[int, int], range_of(-CLOCK_SHIFT_SECONDS, CLOCK_SHIFT_SECONDS)
    ] = Field(
        default=(0, 0),
        description=(
            "For `clock`: how far the wall clock of the boot is ahead, seconds; less than 0 for "
            "behind. Without it an hour, 25 hours, 400 days or 20 years, forward or back."
        ),
        examples=[[-90_000, 90_000]],
    )
    damages: list[Annotated[DamageKind, member_of(DamageKind)]] = Field(
        default_factory=list,
        max_length=LIST_NAMES,
        description=(
            "For `rot`: what goes bad: a flipped `bit`; `zeros`; a sector that is `stale`, "
            "`swapped` with another or overwritten by a `misdirected` one; a file that is `cut`, "
            "`removed` or an `older` one. Without it, any."
        ),
        examples=[["bit", "zeros"]],
    )
    between_boots: bool = Field(
        default=False,
        description=(
            "For `rot`: what a boot left goes bad that another one follows. That one goes on "
            "working on it, and may crash as any other. A few damages are tried in each case, 4 "
            "without `images`."
        ),
        examples=[True],
    )
    in_turn: bool = Field(
        default=False,
        description=(
            "For `error`, `short` and `slow`: each call that the control cases made, by operation "
            "and kind of file, fails with each error, or is slow, in one case of its own, in place "
            "of calls that are drawn. Without `cases` and a time budget the scenario ends when all "
            "had their turn."
        ),
        examples=[True],
    )
