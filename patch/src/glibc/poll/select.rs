//! select(2) and pselect(2), whose sets the kernel overwrites with every question.

use std::io;
use std::time::{Duration, Instant};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{c_int, fd_set, sigset_t, timespec, timeval};

use super::time::{self, NO_TIME};
use super::{Ask, ask_until, for_nothing, hang_up, set, single};
use crate::glibc::hook::hooks;
use crate::glibc::memory::is_readable;

hooks! {
    IO;
    fn select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval) -> c_int => with_micros;
    fn pselect(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const timespec, mask: *const sigset_t) -> c_int => with_mask;
}

/// The kernel's unit of a set.
type Word = u64;

/// For reading, writing, and the third.
type Sets = [*mut fd_set; 3];

unsafe fn with_micros(
    call: &Call,
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *mut timeval,
) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { select::next(count, read, write, except, timeout) };
    // SAFETY: as above.
    let Ok(limit) = (unsafe { time::val(timeout) }) else { return plain() };
    let mut none = timeval { tv_sec: 0, tv_usec: 0 };
    // SAFETY: as above.
    let ask = || unsafe { select::next(count, read, write, except, &raw mut none) };
    // SAFETY: as above.
    let (result, end) = unsafe { wait(call, count, [read, write, except], limit, ask, plain) };
    if let Some(end) = end {
        // Linux tells what is left.
        let left = end.saturating_duration_since(greenwood_runtime::now());
        // SAFETY: there is a time-out, and libc writes to it too.
        unsafe {
            (*timeout).tv_sec = left.as_secs() as libc::time_t;
            (*timeout).tv_usec = left.subsec_micros().into();
        }
    }
    result
}

unsafe fn with_mask(
    call: &Call,
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { pselect::next(count, read, write, except, timeout, mask) };
    // SAFETY: as above.
    let Ok(limit) = (unsafe { time::spec(timeout) }) else { return plain() };
    // SAFETY: as above.
    let ask = || unsafe { pselect::next(count, read, write, except, &raw const NO_TIME, mask) };
    // SAFETY: as above.
    unsafe { wait(call, count, [read, write, except], limit, ask, plain) }.0
}

/// Also returns when the time would have been over, if it had to wait and has one.
///
/// # Safety
/// The sets are null, or as large as select(2) asks for.
unsafe fn wait(
    call: &Call,
    count: c_int,
    sets: Sets,
    timeout: Option<Duration>,
    mut ask: impl FnMut() -> c_int,
    plain: impl FnOnce() -> c_int,
) -> (c_int, Option<Instant>) {
    const INLINE: usize = libc::FD_SETSIZE / Word::BITS as usize;
    let words = match used(count).map(|bits| bits.div_ceil(Word::BITS as usize)) {
        Some(words) if sets.iter().all(|&set| is_set(set, words)) => words,
        // Refused at once, but for numbers that nothing tells the bound of.
        _ => return (plain(), None),
    };
    let (mut inline, mut heap);
    let saved = if words <= INLINE {
        inline = [0; 3 * INLINE];
        &mut inline[..3 * words]
    } else {
        heap = vec![0; 3 * words];
        &mut heap[..]
    };
    // SAFETY: the caller's promise; `words` is no more than the kernel reads and writes.
    unsafe { save(sets, words, saved) };
    let saved = &*saved;
    let mut end = None;
    let ask = || {
        // SAFETY: as above.
        unsafe { restore(sets, words, saved) };
        ask()
    };
    let until = |deadline, ask: &mut Ask<'_>| {
        end = deadline;
        for_sets(saved, words, count, deadline, ask)
    };
    // SAFETY: as above.
    let hang_up = || unsafe { hang_up(sets, words, count, saved) };
    let result = ask_until(call, timeout, ask, until, hang_up);
    if result < 0 {
        // SAFETY: as above.
        unsafe { restore(sets, words, saved) };
    }
    (result, end)
}

fn for_sets(
    saved: &[Word],
    words: usize,
    count: c_int,
    deadline: Option<Instant>,
    ask: &mut Ask<'_>,
) -> io::Result<c_int> {
    let has = |set: usize, fd: usize| {
        let bits = Word::BITS as usize;
        saved[set * words + fd / bits] >> (fd % bits) & 1 != 0
    };
    let bound = (words * Word::BITS as usize).min(count as usize);
    let members = (0..bound).filter_map(|fd| {
        let events = [
            (0, libc::EPOLLIN | libc::EPOLLRDNORM | libc::EPOLLRDBAND),
            (1, libc::EPOLLOUT | libc::EPOLLWRNORM | libc::EPOLLWRBAND),
            (2, libc::EPOLLPRI),
        ];
        let events = events.into_iter().filter(|&(set, _)| has(set, fd));
        let events = events.fold(0, |sum, (_, events)| sum | events as u32);
        (events != 0).then_some((fd as c_int, events))
    });
    let mut some = members.clone();
    match (some.next(), some.next()) {
        (None, _) => for_nothing(deadline),
        (Some((fd, _)), None) if !has(1, fd as usize) && !has(2, fd as usize) => {
            single::wait(fd, Interest::Read, deadline, ask)
        }
        (Some((fd, _)), None) if !has(0, fd as usize) && !has(2, fd as usize) => {
            single::wait(fd, Interest::Write, deadline, ask)
        }
        _ => set::wait(members, deadline, ask),
    }
}

/// Reports the sockets of the first two sets as ready.
///
/// # Safety
/// As for [`save`].
unsafe fn hang_up(sets: Sets, words: usize, count: c_int, saved: &[Word]) -> c_int {
    let mut ready = vec![0; saved.len()];
    for (from, to) in
        saved.chunks_exact(words.max(1)).zip(ready.chunks_exact_mut(words.max(1))).take(2)
    {
        for fd in 0..(words * Word::BITS as usize).min(count as usize) {
            let (word, bit) = (fd / Word::BITS as usize, 1 << (fd % Word::BITS as usize));
            if from[word] & bit != 0 && hang_up::hangs_up(fd as c_int) {
                to[word] |= bit;
            }
        }
    }
    let count = ready.iter().map(|word| word.count_ones()).sum::<u32>();
    if count > 0 {
        // SAFETY: the caller's promise.
        unsafe { restore(sets, words, &ready) };
    }
    count as c_int
}

/// The bits that the kernel looks at: no more than its table of descriptors has room for, however many the caller tells of.
fn used(count: c_int) -> Option<usize> {
    let count = usize::try_from(count).ok()?;
    if count <= libc::FD_SETSIZE {
        return Some(count);
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let size = status.lines().find_map(|line| line.strip_prefix("FDSize:"))?;
    Some(count.min(size.trim().parse().ok()?))
}

fn is_set(set: *mut fd_set, words: usize) -> bool {
    set.is_null() || words == 0 || is_readable(set.cast(), words * size_of::<Word>())
}

/// # Safety
/// The sets are null or have as many words.
unsafe fn save(sets: Sets, words: usize, saved: &mut [Word]) {
    let len = words * size_of::<Word>();
    for (set, saved) in sets.into_iter().zip(saved.chunks_exact_mut(words.max(1))) {
        if !set.is_null() {
            // SAFETY: the caller's promise.
            unsafe { set.cast::<u8>().copy_to_nonoverlapping(saved.as_mut_ptr().cast(), len) };
        }
    }
}

/// # Safety
/// As for [`save`].
unsafe fn restore(sets: Sets, words: usize, saved: &[Word]) {
    let len = words * size_of::<Word>();
    for (set, saved) in sets.into_iter().zip(saved.chunks_exact(words.max(1))) {
        if !set.is_null() {
            // SAFETY: as above.
            unsafe { set.cast::<u8>().copy_from_nonoverlapping(saved.as_ptr().cast(), len) };
        }
    }
}
