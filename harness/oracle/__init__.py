"""The oracle: history and recovered state in, judgement out, and nothing else touched."""

from harness.oracle.judge import Judge, judge
from harness.oracle.refusals import refusal_without_fault

__all__ = ["Judge", "judge", "refusal_without_fault"]
