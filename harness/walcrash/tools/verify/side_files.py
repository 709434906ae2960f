"""The checkpoint and the state file of a reference log, read and never changed."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from walcrash.tools.verify.open import opened_to_read
from walcrash.values.errors import UsageError
from walcrash.values.verified import Flaw, FlawKind
from walcrash.wal.checkpoint import decode_checkpoint
from walcrash.wal.chunks import ChunkedFile
from walcrash.wal.directory import CHECKPOINT_NAME, LOG_NAME, STATE_NAME, TEMPORARY_SUFFIX
from walcrash.wal.errors import DamagedFile, UnsupportedVersion
from walcrash.wal.state import survey_state

# limits
CHECKPOINT_BYTES = 4096
"""How much of a checkpoint file is read; a sound one is far shorter."""


@dataclass(slots=True)
class SideFiles:
    """What they say.

    Attributes:
        checkpoint: the saved checkpoint; None where there is no file that says so.
        applied: the offset that the state reflects; None where there is no file that says so.
        flaws: what is wrong with them, whatever the log says.
    """

    checkpoint: int | None = None
    applied: int | None = None
    flaws: list[Flaw] = field(default_factory=list)

    @property
    def floor(self) -> int:
        """Up to where they prove the log durable."""
        return max(self.checkpoint or 0, self.applied or 0)


def read_side_files(directory: Path) -> SideFiles:
    """Read them, where they are there.

    Raises:
        UsageError: one is there and cannot be read.
    """
    found = SideFiles()
    found.checkpoint = _read(directory / CHECKPOINT_NAME, FlawKind.CHECKPOINT, found)
    found.applied = _read(directory / STATE_NAME, FlawKind.STATE, found)
    if found.checkpoint is not None and found.checkpoint > (found.applied or 0):
        is_state_bad = any(flaw.kind is FlawKind.STATE for flaw in found.flaws)
        if not is_state_bad:
            found.flaws.append(
                _flaw(
                    FlawKind.CHECKPOINT,
                    f"the checkpoint is {found.checkpoint}, ahead of the state file, which "
                    f"reflects {found.applied or 0}",
                )
            )
    for name in (LOG_NAME, STATE_NAME, CHECKPOINT_NAME):
        left_over = directory / (name + TEMPORARY_SUFFIX)
        if os.path.isfile(left_over):
            found.flaws.append(
                Flaw(
                    kind=FlawKind.DOUBT,
                    is_damage=False,
                    message=f"{left_over.name} was being written when a crash came; the next open "
                    "removes it",
                )
            )
    return found


def _read(path: Path, kind: FlawKind, found: SideFiles) -> int | None:
    try:
        with opened_to_read(path) as fd:
            file = ChunkedFile(fd)
            if kind is FlawKind.STATE:
                return survey_state(file, path=path.name)
            return decode_checkpoint(file.read(0, CHECKPOINT_BYTES), path=path.name)
    except FileNotFoundError:
        return None
    except UnsupportedVersion as newer:
        raise UsageError(newer.message, hint=newer.hint) from newer
    except DamagedFile as bad:
        found.flaws.append(_flaw(kind, bad.message))
        return None


def _flaw(kind: FlawKind, message: str) -> Flaw:
    return Flaw(kind=kind, is_damage=True, message=message)
