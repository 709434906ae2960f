"""The oracle: history and recovered state in, judgement out, and nothing else touched."""

from harness.oracle.judge import judge

__all__ = ["judge"]
