"""Another wall clock for one process: what `gettimeofday` and friends say is shifted.

Most programs read the time through the vDSO, code that the kernel maps into every process, so
no system call is there to intercept. Its entry points are overwritten in one process's copy
with a few instructions that make the real system call and add a fixed number of seconds to
the wall clock. Monotonic clocks stay as they are, since timeouts are computed from them. All
code in the process is affected, in any language; a program that it executes has a new copy.

The system calls that these instructions make carry a mark in an argument that they do not use, so
that a filter can tell them from those of a program that does without the vDSO.

Not here: who does this for a program that is executed (`executed`), and what answers programs that
make the system call themselves (`perturbed_calls`).

Source: `vdso(7)`, `getauxval(3)`, `proc_pid_auxv(5)`, the ELF specification (dynamic symbols), the
Intel and Arm instruction manuals, `include/uapi/linux/time.h`.
"""

import os
import struct
from typing import Final

MARK: Final = 0x574C_4352
"""The sixth argument of a system call whose caller adds the shift itself."""

WALL_CLOCKS: Final = (0, 5, 8, 11)
"""CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI."""

_AT_SYSINFO_EHDR: Final = 33
_PT_LOAD: Final = 1
_PT_DYNAMIC: Final = 2
_DT_STRTAB: Final = 5
_DT_SYMTAB: Final = 6
_VDSO_BYTES: Final = 64 * 1024
_ELF_64: Final = b"\x7fELF\x02"
_AUXV_BYTES: Final = 4096
_SAME_BYTES: Final = 12
"""How much of the code is the same for every shift: at least half of the mark."""

_AUXV_ENTRY: Final = struct.Struct("<QQ")


class NotShifted(Exception):
    """A process keeps its clock; the message says why."""


def shift_wall_clock(seconds: int) -> bool:
    """Shift this process's wall clock by so many seconds (-2^31 to 2^31 - 1).

    Returns:
        Whether it was done; False on an architecture without code here, or where the kernel
        maps no vDSO or forbids writing to it.
    """
    try:
        shift_clock_of("self", seconds)
    except NotShifted:
        return False
    return True


def shift_clock_of(pid: int | str, seconds: int, *, asks_for_random: bool = False) -> None:
    """Shift the wall clock of a process that runs none of its code meanwhile.

    With `asks_for_random` it makes a system call for random bytes, too, instead of making them in
    its own memory (Linux 6.11 and later).

    Raises:
        NotShifted: it cannot be done.
    """
    codes = _random_code() if asks_for_random else {}
    if seconds or not asks_for_random:
        codes |= _code(seconds)  # no shift takes an earlier one back
    try:
        base = _vdso_of(pid)
        memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
    except OSError as problem:
        raise NotShifted(f"its memory cannot be written: {problem.strerror}") from None
    try:
        _overwrite(memory, base, codes)
    except OSError as problem:
        raise NotShifted(f"its vDSO cannot be written: {problem.strerror}") from None
    finally:
        os.close(memory)


def is_clock_shifted(pid: int) -> bool:
    """Whether the wall clock of a process is shifted: it, or what it was forked from, was."""
    try:
        image_at = _vdso_of(pid)
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, NotShifted):
        return False
    try:
        image = _read_image(memory, image_at)
    finally:
        os.close(memory)
    codes = _code(0)
    symbols = _symbols(image) if image.startswith(_ELF_64) else {}
    return any(
        image[symbols[name][0] :].startswith(code[:_SAME_BYTES])
        for name, code in codes.items()
        if name in symbols
    )


def _code(seconds: int) -> dict[str, bytes]:
    machine = os.uname().machine
    if machine == "x86_64":
        return _x86_64_code(seconds)
    if machine == "aarch64":
        return _aarch64_code(seconds)
    raise NotShifted(f"there is no code for {machine}")


def auxiliary(pid: int | str) -> dict[int, int]:
    """Return what the kernel told a program at its start; nonsense for a 32-bit program.

    Raises:
        OSError: the process is gone, or nobody may look into it.
    """
    with open(f"/proc/{pid}/auxv", "rb", buffering=0) as file:
        entries = file.read(_AUXV_BYTES)
    whole = len(entries) - len(entries) % _AUXV_ENTRY.size
    return dict(_AUXV_ENTRY.iter_unpack(entries[:whole]))


def _random_code() -> dict[str, bytes]:
    """Return what makes the system call instead; who asks for the size of a state is refused."""
    if os.uname().machine == "x86_64":
        # cmp r8, -1; je refuse; mov eax, 318; syscall; ret; refuse: mov rax, -ENOSYS; ret
        text = b"\x49\x83\xf8\xff\x74\x08\xb8\x3e\x01\x00\x00\x0f\x05\xc3"
        return {"__vdso_getrandom": text + b"\x48\xc7\xc0\xda\xff\xff\xff\xc3"}
    # bti c; cmn x4, #1; b.eq refuse; mov w8, #278; svc #0; ret; refuse: mov x0, #-ENOSYS; ret
    lines = [0xD503245F, 0xB100049F, 0x54000080, 0x528022C8, 0xD4000001, 0xD65F03C0]
    lines += [0x928004A0, 0xD65F03C0]
    return {"__kernel_getrandom": struct.pack(f"<{len(lines)}I", *lines)}


def _vdso_of(pid: int | str) -> int:
    base = auxiliary(pid).get(_AT_SYSINFO_EHDR)
    if not base:
        raise NotShifted("it has no 64-bit vDSO")
    return base


def _overwrite(memory: int, base: int, codes: dict[str, bytes]) -> None:
    image = _read_image(memory, base)
    if not image.startswith(_ELF_64):
        raise NotShifted("it has no 64-bit vDSO")
    symbols = _symbols(image)
    for name, code in codes.items():
        if name in symbols:
            at, size = symbols[name]
            if size < len(code):
                raise NotShifted(f"{name} has {size} bytes; {len(code)} are needed")
            os.pwrite(memory, code, base + at)


def _read_image(memory: int, base: int) -> bytes:
    """Read the mapped vDSO; the last page may be shorter than asked for."""
    pages = []
    for start in range(base, base + _VDSO_BYTES, 4096):
        try:
            pages.append(os.pread(memory, 4096, start))
        except OSError:
            break
    return b"".join(pages)


def _symbols(image: bytes) -> dict[str, tuple[int, int]]:
    """Return the offset and the length of every dynamic symbol by its name."""
    header_at, header_size, header_count = (
        struct.unpack_from("<Q", image, 32)[0],
        *struct.unpack_from("<HH", image, 54),
    )
    load_address, dynamic = 0, 0
    for index in range(header_count):
        kind, _, offset, address = struct.unpack_from(
            "<IIQQ", image, header_at + index * header_size
        )
        if kind == _PT_LOAD:
            load_address = address - offset
        elif kind == _PT_DYNAMIC:
            dynamic = offset
    tags: dict[int, int] = {}
    while (tag := struct.unpack_from("<qQ", image, dynamic))[0]:
        tags[tag[0]] = tag[1] - load_address
        dynamic += 16
    return _read_symbols(image, tags[_DT_SYMTAB], tags[_DT_STRTAB], load_address)


def _read_symbols(
    image: bytes, table: int, names: int, load_address: int
) -> dict[str, tuple[int, int]]:
    # The string table follows the symbol table in every vDSO, which bounds it.
    symbols = {}
    for entry in range(table, names if names > table else len(image) - 24, 24):
        name_at, _, _, _, value, size = struct.unpack_from("<IBBHQQ", image, entry)
        start = names + name_at
        name = image[start : image.find(b"\0", start)].decode("ascii", "replace")
        if value:
            symbols[name] = value - load_address, size
    return symbols


def _x86_64_code(seconds: int) -> dict[str, bytes]:
    added = struct.pack("<i", seconds)
    marked = b"\x41\xb9" + struct.pack("<I", MARK)  # mov r9d, MARK
    # mov eax, 228; syscall; test eax, eax; jnz out; test edi, edi; jz add; then for 5, 8 and 11:
    # cmp edi, n; je add; last: jne out; add: add qword [rsi], seconds; out: ret
    clock = (
        marked + b"\xb8\xe4\x00\x00\x00\x0f\x05\x85\xc0\x75\x1a\x85\xff\x74\x0f"
        b"\x83\xff\x05\x74\x0a\x83\xff\x08\x74\x05\x83\xff\x0b\x75\x07"
        b"\x48\x81\x06" + added + b"\xc3"
    )
    # mov eax, 96; syscall; test rdi, rdi; jz out; add qword [rdi], seconds; out: ret
    day = marked + b"\xb8\x60\x00\x00\x00\x0f\x05\x48\x85\xff\x74\x07\x48\x81\x07"
    day += added + b"\xc3"
    # mov eax, 201; syscall; add rax, seconds; test rdi, rdi; jz out; mov [rdi], rax; out: ret
    time = marked + b"\xb8\xc9\x00\x00\x00\x0f\x05\x48\x05" + added
    time += b"\x48\x85\xff\x74\x03\x48\x89\x07\xc3"
    return {
        "__vdso_clock_gettime": clock,
        "__vdso_gettimeofday": day,
        "__vdso_time": time,
    }


def _aarch64_code(seconds: int) -> dict[str, bytes]:
    high, low = seconds >> 16 & 0xFFFF, seconds & 0xFFFF
    # w9 = seconds
    load_seconds = [0x52800009 | low << 5, 0x72A00009 | high << 5]
    # w5 = MARK
    marked = [0x52800005 | (MARK & 0xFFFF) << 5, 0x72A00005 | (MARK >> 16) << 5]
    add_to = {
        # ldr x10, [x1]; add x10, x10, w9, sxtw; str x10, [x1]
        "x1": [0xF940002A, 0x8B29C14A, 0xF900002A],
        "x11": [0xF940016A, 0x8B29C14A, 0xF900016A],
    }
    # Each starts with `bti c`, which is no operation on processors without branch targets.
    # mov w12, w0; w5 = MARK; mov x8, #113; svc #0; cbnz w0, out; cbz w12, add; then for 5, 8 and
    # 11: cmp w12, n; b.eq add; last: b.ne out
    clock = [0xD503245F, 0x2A0003EC, *marked, 0xD2800E28, 0xD4000001]
    clock += [0x350001A0, 0x340000EC]
    clock += [0x7100159F, 0x540000A0, 0x7100219F, 0x54000060, 0x71002D9F, 0x540000C1]
    clock += [*load_seconds, *add_to["x1"], 0xD65F03C0]
    # mov x11, x0; w5 = MARK; mov x8, #169; svc #0; cbz x11, out
    day = [0xD503245F, 0xAA0003EB, *marked, 0xD2801528, 0xD4000001, 0xB40000CB]
    day += [*load_seconds, *add_to["x11"], 0xD65F03C0]
    return {
        "__kernel_clock_gettime": struct.pack(f"<{len(clock)}I", *clock),
        "__kernel_gettimeofday": struct.pack(f"<{len(day)}I", *day),
    }
