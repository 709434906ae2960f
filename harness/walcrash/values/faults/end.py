"""Ends: what ends a boot that is not closed.

Each class of end is registered here where it is written, so that a stored case can name it.
"""

from typing import ClassVar, Final

from walcrash.values.forms import Variants


class End:
    """What ends a boot: a kill or a power loss.

    Attributes:
        noun: what messages call it, with its article.
        needs_interception: whether it cannot fall where system calls are not intercepted.
        is_power_loss: whether the page cache is gone after it.
    """

    __slots__ = ()

    noun: ClassVar[str]
    needs_interception: ClassVar[bool] = True
    is_power_loss: ClassVar[bool] = False


ENDS: Final = Variants()
"""What may end a boot, by the names in JSON."""
