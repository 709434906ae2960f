"""The oracle: a history and what recovery showed in, a judgement out, without effects."""

from walcrash.oracle.judge import Judge, judge
from walcrash.oracle.refusals import refusal_without_fault, with_refusals

__all__ = ["Judge", "judge", "refusal_without_fault", "with_refusals"]
