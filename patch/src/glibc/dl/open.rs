//! dlopen(3) and dlmopen(3), which look at their return address: where a library is searched for, and what `$ORIGIN` means, depends on who calls.
//!
//! So that they see their caller and not this crate, they are jumped to with everything as the caller left it. On a coroutine, where something has to
//! happen afterwards, the return address is that of a `ret` instruction in the caller's own object, which goes on to this crate's.

use std::arch::naked_asm;
use std::ffi::{c_char, c_int, c_long, c_void};

use greenwood_runtime::interpose::{self, Hold};

use crate::Patches;
use crate::glibc::hook::{Hook, Next, is_active};

pub(super) static HOOKS: &[Hook] = &[
    Hook { next: &DLOPEN, ours: dlopen as *const () },
    Hook { next: &DLMOPEN, ours: dlmopen as *const () },
];

static DLOPEN: Next = Next::new(c"dlopen");
static DLMOPEN: Next = Next::new(c"dlmopen");

/// The code of both: up to three arguments in registers, a pointer returned.
macro_rules! open {
    ($next:path, $begin:path) => {
        naked_asm!(
            // At the entry the stack is 8 bytes off its alignment of 16. The arguments, and a place for the hold.
            "sub rsp, 40",
            "mov [rsp], rdi",
            "mov [rsp + 8], rsi",
            "mov [rsp + 16], rdx",
            "lea rdi, [rsp + 24]",
            "mov rsi, [rsp + 40]",
            "call {begin}",
            "mov rdi, [rsp]",
            "mov rsi, [rsp + 8]",
            "mov rdx, [rsp + 16]",
            "test rax, rax",
            "jnz 2f",
            "add rsp, 40",
            "jmp qword ptr [rip + {next} + {address}]",
            // It returns to the `ret` at rax, and that to 3.
            "2: sub rsp, 8",
            "lea r11, [rip + 3f]",
            "push r11",
            "push rax",
            "jmp qword ptr [rip + {next} + {address}]",
            "3: add rsp, 8",
            "mov [rsp], rax",
            "lea rdi, [rsp + 24]",
            "call {end}",
            "mov rax, [rsp]",
            "add rsp, 40",
            "ret",
            begin = sym $begin,
            end = sym end,
            next = sym $next,
            address = const Next::ADDRESS,
        )
    };
}

#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void {
    open!(DLOPEN, begin_dlopen)
}

#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn dlmopen(space: c_long, file: *const c_char, flags: c_int) -> *mut c_void {
    open!(DLMOPEN, begin_dlmopen)
}

unsafe extern "C" fn begin_dlopen(hold: *mut Option<Hold>, caller: usize) -> usize {
    // SAFETY: as called above.
    unsafe { begin(&DLOPEN, hold, caller) }
}

unsafe extern "C" fn begin_dlmopen(hold: *mut Option<Hold>, caller: usize) -> usize {
    // SAFETY: as called above.
    unsafe { begin(&DLMOPEN, hold, caller) }
}

const _: () = assert!(size_of::<Option<Hold>>() <= 16 && align_of::<Option<Hold>>() <= 8);

/// Makes sure that `next` is known, and that nothing suspends where something could. Then it returns where libc's function is to return to.
///
/// # Safety
/// `hold` is a place for one, `caller` an address of code.
unsafe fn begin(next: &Next, hold: *mut Option<Hold>, caller: usize) -> usize {
    let known = next.get().is_some();
    // SAFETY: `end` drops it, as the loader's call returns, and before ours does.
    let held = if known && is_active(Patches::ANY) { unsafe { interpose::hold() } } else { None };
    let via = if held.is_some() {
        find_ret(caller).or_else(|| find_ret(end as *const () as usize)).unwrap_or(0)
    } else {
        0
    };
    // Without a way back there is no end to wait for.
    let held = held.filter(|_| via != 0);
    // SAFETY: the caller's promise.
    unsafe { hold.write(held) };
    via
}

unsafe extern "C" fn end(hold: *mut Option<Hold>) {
    // SAFETY: written by `begin`, and read once. errno is libc's own: lowering a number leaves it alone.
    drop(unsafe { hold.read() });
}

/// A `ret` instruction in the code that `caller` belongs to.
fn find_ret(caller: usize) -> Option<usize> {
    const RET: u8 = 0xc3;
    let (start, end) = code_around(caller)?;
    let find = |from: usize, to: usize| {
        // SAFETY: code of an object that is loaded while its function runs.
        let code = unsafe { std::slice::from_raw_parts(from as *const u8, to - from) };
        code.iter().position(|&byte| byte == RET).map(|at| from + at)
    };
    find(caller, end).or_else(|| find(start, caller))
}

/// The segment of code that an address lies in.
fn code_around(address: usize) -> Option<(usize, usize)> {
    struct Search {
        address: usize,
        found: Option<(usize, usize)>,
    }
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _: usize,
        search: *mut c_void,
    ) -> c_int {
        // SAFETY: dl_iterate_phdr passes a valid record, its headers, and our own pointer.
        let (base, headers, search) = unsafe {
            let info = &*info;
            let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
            (info.dlpi_addr as usize, headers, &mut *search.cast::<Search>())
        };
        let code = headers
            .iter()
            .filter(|h| {
                h.p_type == libc::PT_LOAD
                    && h.p_flags & libc::PF_X != 0
                    && h.p_flags & libc::PF_R != 0
            })
            .map(|h| (base + h.p_vaddr as usize, base + (h.p_vaddr + h.p_memsz) as usize))
            .find(|&(start, end)| (start..end).contains(&search.address));
        search.found = code;
        c_int::from(code.is_some())
    }
    let mut search = Search { address, found: None };
    // SAFETY: the callback matches, and `search` lives over the call.
    unsafe { super::dl_iterate_phdr::next(Some(visit), (&raw mut search).cast()) };
    search.found
}
