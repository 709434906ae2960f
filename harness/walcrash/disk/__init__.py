"""Persistence models: trace in, images out, with no effect on anything."""

from walcrash.disk.build import ImageBuilder, kill_image, rebuild
from walcrash.disk.changes import pending_changes
from walcrash.disk.choice import Held, HeldKind, ImageChoice, Policy
from walcrash.disk.choice_json import choice_from_json, choice_to_json
from walcrash.disk.enumeration import Candidate, choices, images
from walcrash.disk.errors import NotModelled
from walcrash.disk.fates import ChangeFate, change_fates
from walcrash.disk.loss import Loss, loss_of
from walcrash.disk.moments import BLOCK_BYTES, SECTOR_BYTES, CrashPosition
from walcrash.disk.pending import Pending
from walcrash.disk.positions import HEADER_BYTES, crash_states, write_cuts
from walcrash.disk.space import Space, count_cuts, every_cut
from walcrash.disk.standing import NameState, name_states

__all__ = [
    "BLOCK_BYTES",
    "HEADER_BYTES",
    "SECTOR_BYTES",
    "Candidate",
    "ChangeFate",
    "CrashPosition",
    "Held",
    "HeldKind",
    "ImageBuilder",
    "ImageChoice",
    "Loss",
    "NameState",
    "NotModelled",
    "Pending",
    "Policy",
    "Space",
    "change_fates",
    "choice_from_json",
    "choice_to_json",
    "choices",
    "count_cuts",
    "crash_states",
    "every_cut",
    "images",
    "kill_image",
    "loss_of",
    "name_states",
    "pending_changes",
    "rebuild",
    "write_cuts",
]
