"""Persistence models: from a trace to the images that a crash may leave, without effects."""

from walcrash.disk.beneath import Beneath, beneath
from walcrash.disk.build import ImageBuilder, kill_choice, kill_image, rebuild
from walcrash.disk.durability import NameState, name_states
from walcrash.disk.enumeration import (
    Candidate,
    PlannedChoice,
    choices,
    images,
    planned_choices,
)
from walcrash.disk.errors import NotModelled
from walcrash.disk.fates import ChangeFate, change_fates
from walcrash.disk.likelihood import WEIGHTS, ChoiceT, likely_first
from walcrash.disk.loss import Loss, loss_of
from walcrash.disk.membership import Refusal, why_not
from walcrash.disk.models import count_states, every_state, pending_changes
from walcrash.disk.outstanding import Outstanding, outstanding
from walcrash.disk.pending import Pending
from walcrash.disk.positions import (
    byte_tears_in_write,
    crash_points_in_write,
    crash_positions,
    crash_states,
    whole_in_memory,
)
from walcrash.disk.space import Space

__all__ = [
    "WEIGHTS",
    "Beneath",
    "Candidate",
    "ChangeFate",
    "ChoiceT",
    "ImageBuilder",
    "Loss",
    "NameState",
    "NotModelled",
    "Outstanding",
    "Pending",
    "PlannedChoice",
    "Refusal",
    "Space",
    "beneath",
    "byte_tears_in_write",
    "change_fates",
    "choices",
    "count_states",
    "crash_points_in_write",
    "crash_positions",
    "crash_states",
    "every_state",
    "images",
    "kill_choice",
    "kill_image",
    "likely_first",
    "loss_of",
    "name_states",
    "outstanding",
    "pending_changes",
    "planned_choices",
    "rebuild",
    "whole_in_memory",
    "why_not",
]
