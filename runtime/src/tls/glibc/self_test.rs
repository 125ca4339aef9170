//! Proves the facts on the running machine, on a block of its own, before any coroutine gets one.

use std::cell::Cell;
use std::ffi::c_void;

use super::facts::Facts;
use super::{Block, Unavailable, register};

/// What the experiments report from within the block. Every field must end up true.
#[derive(Debug, Default)]
struct Findings {
    pthread_self: bool,
    fresh_local: bool,
    own_local: bool,
    own_errno: bool,
    cpu_lookup: bool,
    local_destructor: bool,
    key_value: bool,
    key_destructor: bool,
    malloc: bool,
}

struct Experiment {
    facts: *const Facts,
    tp: usize,
    worker_errno: usize,
    key: u32,
    /// The libc's variables before and after the first allocation, by 8-byte words.
    before: Vec<usize>,
    after: Vec<usize>,
    findings: Findings,
}

thread_local! {
    static LOCAL: Cell<u64> = const { Cell::new(11) };
}

unsafe extern "C" fn note(flag: *mut c_void) {
    // SAFETY: registered below with a pointer to a bool of the experiment.
    unsafe { *flag.cast::<bool>() = true };
}

unsafe extern "C" {
    fn __cxa_thread_atexit_impl(
        f: unsafe extern "C" fn(*mut c_void),
        arg: *mut c_void,
        dso: *mut c_void,
    ) -> libc::c_int;
    static __dso_handle: u8;
}

/// Runs on the block. No panic, no allocation by Rust but the one that is the experiment.
unsafe fn experiment(arg: usize) {
    // SAFETY: `prove` passes its own record, which nothing else touches meanwhile.
    let x = unsafe { &mut *(arg as *mut Experiment) };
    // SAFETY: as above; the libc calls have no preconditions here.
    unsafe {
        let facts = &*x.facts;
        x.findings.pthread_self = libc::pthread_self() as usize == x.tp;
        LOCAL.with(|l| {
            x.findings.fresh_local = l.get() == 11;
            l.set(22);
        });
        x.findings.own_errno = libc::__errno_location() as usize != x.worker_errno;
        x.findings.cpu_lookup = libc::sched_getcpu() >= 0;

        let words = |into: &mut Vec<usize>| {
            let start = x.tp - facts.libc_segment.start;
            for (i, word) in into.iter_mut().enumerate() {
                *word = ((start + i * 8) as *const usize).read();
            }
        };
        words(&mut x.before);
        let p = std::hint::black_box(libc::malloc(24));
        words(&mut x.after);
        x.findings.malloc = !p.is_null();
        libc::free(p);

        let flag = &raw mut x.findings.local_destructor;
        __cxa_thread_atexit_impl(note, flag.cast(), (&raw const __dso_handle).cast_mut().cast());
        let flag = &raw mut x.findings.key_destructor;
        let set = !facts.keys.any_set(x.tp) && libc::pthread_setspecific(x.key, flag.cast()) == 0;
        x.findings.key_value = set
            && facts.keys.any_set(x.tp)
            && (x.key >= 32 || facts.keys.first_block_value(x.tp, x.key) == flag as usize);
        Block::run_destructors(facts);
        x.findings.key_value &=
            !facts.keys.any_set(x.tp) && libc::pthread_getspecific(x.key).is_null();
    }
}

/// Zeroed memory for a block, and the address it goes below.
fn memory_for_one(facts: &Facts) -> (Vec<u64>, usize) {
    let size = facts.block_size() + 4096;
    let memory = vec![0u64; size / 8 + 1];
    let top = (memory.as_ptr() as usize + size) & !63;
    (memory, top)
}

/// Builds a block that stays as it is.
pub(super) fn build_untouched(facts: &Facts) -> Result<Block, Unavailable> {
    let (memory, top) = memory_for_one(facts);
    let memory = memory.leak();
    debug_assert!(top <= memory.as_ptr_range().end as usize);
    // SAFETY: zeroed memory, given to this block for ever.
    unsafe { Block::build(top, facts) }
}

/// Builds a block, runs the experiments on it, and completes `facts` with what they tell.
pub(super) fn prove(facts: &mut Facts) -> Result<(), Unavailable> {
    let (memory, top) = memory_for_one(facts);
    let mut key = 0;
    // SAFETY: deleted below.
    if unsafe { libc::pthread_key_create(&mut key, Some(note)) } != 0 {
        return Err(Unavailable("no pthread key for the self-test".into()));
    }
    // SAFETY: zeroed memory of ours, kept until the block is destroyed.
    let block = unsafe { Block::build(top, facts)? };
    facts.remember_pristine(&block);

    let words = facts.libc_segment.len / 8;
    let mut x = Experiment {
        facts,
        tp: block.tp(),
        // SAFETY: has no preconditions.
        worker_errno: unsafe { libc::__errno_location() } as usize,
        key,
        before: vec![0; words],
        after: vec![0; words],
        findings: Findings::default(),
    };
    LOCAL.set(33);
    // SAFETY: the block is complete, and `experiment` does as `with_thread_pointer` asks.
    unsafe {
        register::with_thread_pointer(
            block.tp(),
            facts.fsgsbase(),
            experiment,
            (&raw mut x) as usize,
        );
        libc::pthread_key_delete(key);
    }
    x.findings.own_local = LOCAL.get() == 33;
    let Findings {
        pthread_self: true,
        fresh_local: true,
        own_local: true,
        own_errno: true,
        cpu_lookup: true,
        local_destructor: true,
        key_value: true,
        key_destructor: true,
        malloc: true,
    } = x.findings
    else {
        // The block's memory may be referred to from anywhere now: leak it.
        std::mem::forget(memory);
        return Err(Unavailable(format!("the self-test failed: {:?}", x.findings)));
    };
    facts.malloc_words = malloc_words(&x.before, &x.after, facts.libc_segment.start);
    // SAFETY: the experiment is over; its malloc cache, if it was one of its own, is a single leaked one.
    unsafe {
        block.reset(facts);
        block.destroy(facts);
    }
    Ok(())
}

/// The words that the first allocation filled in: malloc's per-thread cache and arena. None when that picture is
/// not clear (another allocator, another libc): blocks then keep caches of their own.
fn malloc_words(before: &[usize], after: &[usize], start: usize) -> Vec<usize> {
    let changed: Vec<usize> =
        (0..before.len()).filter(|&i| before[i] != after[i]).map(|i| start - i * 8).collect();
    let filled = (0..before.len())
        .filter(|&i| before[i] != after[i])
        .all(|i| before[i] == 0 && after[i] > 4096);
    if filled && (1..=2).contains(&changed.len()) { changed } else { Vec::new() }
}
