//! The thread register: reading it, pointing it elsewhere, and resuming a coroutine with it moved.

use std::arch::asm;

use crate::coroutine::RawCoroutine;
use crate::coroutine::{Resume, Suspend};
use corosensei::CoroutineResult;

/// `AT_HWCAP2` bit by which Linux 5.9+ says that user code may write the register itself.
const HWCAP2_FSGSBASE: u64 = 1 << 1;
const ARCH_SET_FS: libc::c_long = 0x1002;

/// Whether `wrfsbase` may be used. False on older kernels and under valgrind, which does not know the instruction.
pub(super) fn has_fsgsbase() -> bool {
    // SAFETY: reads a constant of the process.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & HWCAP2_FSGSBASE != 0 }
}

/// The calling context's thread pointer (on x86_64 the thread header's first word is its own address).
#[inline(never)]
pub(crate) fn thread_pointer() -> usize {
    let tp: usize;
    // SAFETY: the x86_64 ABI keeps the thread pointer at fs:0. Not `pure`, so that it is read anew each time.
    unsafe { asm!("mov {}, fs:0", out(reg) tp, options(nostack, preserves_flags, readonly)) };
    tp
}

/// Points the thread register at `tp`.
///
/// # Safety
/// `tp` is the thread pointer of a complete thread-local block, and neither the caller nor the compiler touches a
/// thread-local that belongs to the other block before the register is set back.
#[inline(always)]
pub(super) unsafe fn set_thread_pointer(tp: usize, fsgsbase: bool) {
    if fsgsbase {
        // SAFETY: the caller's promise; memory is clobbered by default, so no access moves across.
        unsafe { asm!("wrfsbase {}", in(reg) tp, options(nostack, preserves_flags)) };
    } else {
        // The raw instruction, since libc's wrapper could touch errno, a thread-local, between the two blocks.
        // SAFETY: arch_prctl(ARCH_SET_FS) with a valid base cannot fail; the clobbers are the system call's.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") libc::SYS_arch_prctl => _,
                in("rdi") ARCH_SET_FS,
                in("rsi") tp,
                out("rcx") _, out("r11") _,
                options(nostack)
            )
        };
    }
}

/// Resumes `coroutine` with the thread register at its own block, and leaves it there: see [`go_home`].
///
/// Never inlined, and free of thread-local accesses, so that none can end up between the write and the switch.
///
/// # Safety
/// `tp` belongs to the block of this very coroutine, and the caller touches no thread-local of its own until [`go_home`].
#[inline(never)]
pub(crate) unsafe fn resume_on(
    coroutine: &mut RawCoroutine,
    input: Resume,
    tp: usize,
    fsgsbase: bool,
) -> CoroutineResult<Suspend, ()> {
    // SAFETY: the caller vouches for `tp`; corosensei's switch is a few inline instructions and touches no thread-local.
    unsafe { set_thread_pointer(tp, fsgsbase) };
    coroutine.resume(input)
}

/// Points the thread register back at the worker's own block. Apart from `resume_on`, so that a worker that goes from one
/// coroutine to the next writes the register once a switch and not twice.
///
/// # Safety
/// `worker_tp` is the calling thread's own thread pointer.
#[inline(never)]
pub(crate) unsafe fn go_home(worker_tp: usize, fsgsbase: bool) {
    // SAFETY: the caller's promise.
    unsafe { set_thread_pointer(worker_tp, fsgsbase) };
}

/// Runs `f` on the calling stack with the thread register at `tp`. For building, proving and undoing blocks.
///
/// # Safety
/// As for [`set_thread_pointer`]; `f` neither panics nor keeps a reference to a thread-local.
#[inline(never)]
pub(super) unsafe fn with_thread_pointer(
    tp: usize,
    fsgsbase: bool,
    f: unsafe fn(usize),
    arg: usize,
) {
    let own = thread_pointer();
    // SAFETY: the caller vouches for `tp` and `f`; `f` is called through a pointer, hence not merged into this function.
    unsafe {
        set_thread_pointer(tp, fsgsbase);
        std::hint::black_box(f)(arg);
        set_thread_pointer(own, fsgsbase);
    }
}
