"""Persistence models: trace in, images out, with no effect on anything."""

from harness.disk.build import ImageBuilder, kill_image, rebuild
from harness.disk.changes import pending_changes
from harness.disk.choice import Held, HeldKind, ImageChoice, Policy
from harness.disk.choice_json import choice_from_json, choice_to_json
from harness.disk.enumeration import Candidate, choices, images
from harness.disk.errors import NotModelled
from harness.disk.fates import ChangeFate, change_fates
from harness.disk.loss import Loss, loss_of
from harness.disk.moments import BLOCK_BYTES, SECTOR_BYTES, CrashPosition
from harness.disk.pending import Pending
from harness.disk.positions import HEADER_BYTES, crash_states, write_cuts
from harness.disk.space import Space, count_cuts, every_cut
from harness.disk.standing import NameState, name_states

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
