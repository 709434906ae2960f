"""The oracle: history and recovered state in, judgement out, and nothing else touched."""

from walcrash.oracle.judge import Judge, judge
from walcrash.oracle.refusals import refusal_without_fault

__all__ = ["Judge", "judge", "refusal_without_fault"]
