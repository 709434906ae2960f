"""Another clock for one process: what `gettimeofday` and friends say is shifted.

Most programs read the time through the vDSO, code that the kernel maps into every process, so
no system call is there to intercept. The process overwrites the entry points in its own copy
with a few instructions that make the real system call and add a fixed number of seconds to
the wall clock. Monotonic clocks stay as they are, since timeouts are computed from them. All
code in the process is affected, in any language; a program that it executes is not.

Source: `vdso(7)`, `getauxval(3)`, the ELF specification (dynamic symbols), the Intel and Arm
instruction manuals.
"""

import ctypes
import os
import struct
from typing import Final

from walcrash.recorder import abi

_AT_SYSINFO_EHDR: Final = 33
_PT_LOAD: Final = 1
_PT_DYNAMIC: Final = 2
_DT_STRTAB: Final = 5
_DT_SYMTAB: Final = 6
_VDSO_BYTES: Final = 64 * 1024


def shift_wall_clock(seconds: int) -> bool:
    """Shift this process's wall clock by so many seconds (0 to 2^31 - 1).

    Returns:
        Whether it was done; False on an architecture without code here, or where the kernel
        maps no vDSO or forbids writing to it.
    """
    abi.libc.getauxval.restype = ctypes.c_ulong
    base = int(abi.libc.getauxval(_AT_SYSINFO_EHDR))
    machine = os.uname().machine
    if not base or machine not in ("x86_64", "aarch64"):
        return False
    try:
        memory = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        symbols = _symbols(_read_image(memory, base))
        make = _x86_64_code if machine == "x86_64" else _aarch64_code
        for name, code in make(seconds).items():
            if name in symbols:
                os.pwrite(memory, code, base + symbols[name])
    except OSError:
        return False
    finally:
        os.close(memory)
    return True


def _read_image(memory: int, base: int) -> bytes:
    """Read the mapped vDSO; the last page may be shorter than asked for."""
    pages = []
    for start in range(base, base + _VDSO_BYTES, 4096):
        try:
            pages.append(os.pread(memory, 4096, start))
        except OSError:
            break
    return b"".join(pages)


def _symbols(image: bytes) -> dict[str, int]:
    """Return the offset of every dynamic symbol by its name."""
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


def _read_symbols(image: bytes, table: int, names: int, load_address: int) -> dict[str, int]:
    # The string table follows the symbol table in every vDSO, which bounds it.
    symbols = {}
    for entry in range(table, names if names > table else len(image) - 24, 24):
        name_at, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", image, entry)
        start = names + name_at
        name = image[start : image.find(b"\0", start)].decode("ascii", "replace")
        if value:
            symbols[name] = value - load_address
    return symbols


def _x86_64_code(seconds: int) -> dict[str, bytes]:
    added = struct.pack("<i", seconds)
    # mov eax, 228; syscall; test eax, eax; jnz out; test edi, edi; jz add; cmp edi, 5; jne out;
    # add: add qword [rsi], seconds; out: ret      (clock 0 is realtime, 5 its coarse form)
    clock = (
        b"\xb8\xe4\x00\x00\x00\x0f\x05\x85\xc0\x75\x10\x85\xff\x74\x05\x83\xff\x05\x75\x07"
        b"\x48\x81\x06" + added + b"\xc3"
    )
    # mov eax, 96; syscall; test rdi, rdi; jz out; add qword [rdi], seconds; out: ret
    day = b"\xb8\x60\x00\x00\x00\x0f\x05\x48\x85\xff\x74\x07\x48\x81\x07" + added + b"\xc3"
    # mov eax, 201; syscall; add rax, seconds; test rdi, rdi; jz out; mov [rdi], rax; out: ret
    time = b"\xb8\xc9\x00\x00\x00\x0f\x05\x48\x05" + added + b"\x48\x85\xff\x74\x03\x48\x89\x07\xc3"
    return {
        "__vdso_clock_gettime": clock,
        "__vdso_gettimeofday": day,
        "__vdso_time": time,
    }


def _aarch64_code(seconds: int) -> dict[str, bytes]:
    high, low = seconds >> 16, seconds & 0xFFFF
    # w9 = seconds
    load_seconds = [0x52800009 | low << 5, 0x72A00009 | high << 5]
    add_to = {
        "x1": [0xF940002A, 0x8B09014A, 0xF900002A],  # ldr x10,[x1]; add x10,x10,x9; str x10,[x1]
        "x0": [0xF940016A, 0x8B09014A, 0xF900016A],  # the same through x11
    }
    # mov w12, w0; mov x8, #113; svc #0; cbnz w0, out; cbz w12, add; cmp w12, #5; b.ne out
    # Each starts with `bti c`, which is no operation on processors without branch targets.
    clock = [0xD503245F, 0x2A0003EC, 0xD2800E28, 0xD4000001]
    clock += [0x35000120, 0x3400006C, 0x7100159F, 0x540000C1]
    clock += [*load_seconds, *add_to["x1"], 0xD65F03C0]
    # mov x11, x0; mov x8, #169; svc #0; cbz x11, out
    day = [0xD503245F, 0xAA0003EB, 0xD2801528, 0xD4000001, 0xB40000CB]
    day += [*load_seconds, *add_to["x0"], 0xD65F03C0]
    return {
        "__kernel_clock_gettime": struct.pack(f"<{len(clock)}I", *clock),
        "__kernel_gettimeofday": struct.pack(f"<{len(day)}I", *day),
    }
