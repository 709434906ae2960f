"""Laying: the content of one file while changes are laid over it.

It is bytes that can be changed, and a buffer of pieces where they are many (`values.content`).

Not here: the changes (`extents`), in which order they are laid (`file_history`).
"""

from walcrash.values.content import SMALL_BYTES, Buffer, Content, LargeContent

Changeable = bytearray | Buffer


def changeable(content: Content) -> Changeable:
    """Return some content as what can be changed."""
    return Buffer(content) if isinstance(content, LargeContent) else bytearray(content)


def with_room(data: Changeable, size: int) -> Changeable:
    """Return the same content as what it has to be for a size in bytes."""
    if size > SMALL_BYTES and not isinstance(data, Buffer):
        return Buffer(data)
    return data


def put(data: Changeable, at: int, part: bytes) -> None:
    """Put bytes at an offset; what lies between the end and the offset is zeros."""
    if isinstance(data, Buffer):
        data.write(at, part)
        return
    if len(data) < at:
        data.extend(bytes(at - len(data)))
    data[at : at + len(part)] = part


def cut(data: Changeable, size: int) -> None:
    """Leave out what lies behind a size, if anything does."""
    if not isinstance(data, Buffer):
        del data[size:]
    elif len(data) > size:
        data.resize(size)


def finished(data: Changeable, size: int) -> Content:
    """Return the first bytes, so many; where there are not as many, zeros are added."""
    if isinstance(data, Buffer):
        data.resize(size)
        return data.content()
    del data[size:]
    return bytes(data) + bytes(size - len(data))
