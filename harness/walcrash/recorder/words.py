"""Arguments of system calls as the kernel reads them: 64-bit registers, with a sign or without."""


def fd_of(register: int) -> int:
    """Return a descriptor (or `AT_FDCWD`): the low 32 bits, signed."""
    low = register & 0xFFFF_FFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def signed(register: int) -> int:
    """Return all 64 bits, signed."""
    return register - (1 << 64) if register >= 1 << 63 else register
