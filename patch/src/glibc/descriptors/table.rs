//! The table of descriptors, by number.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, Ordering};
use std::sync::{Arc, Once};

use greenwood_runtime::interpose::Lock;
use libc::c_int;

use super::{Descriptor, Kind};
use crate::glibc::signals::is_in_handler;

const CHUNK: usize = 1024;
/// Numbers of this and above are not remembered, and calls on them do not yield: no kernel gives them out unless told to (fs.nr_open).
const CHUNKS: usize = 4096;

type Chunk = [Slot; CHUNK];

static TABLE: [AtomicPtr<Chunk>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

/// Has a forked child begin with an empty table: what is registered is its parent's, and a lock may be one that no thread of the child's will ever
/// open.
pub(crate) fn watch_forks() {
    unsafe extern "C" fn in_child() {
        for chunk in &TABLE {
            // Looked at first, so that nothing is copied that the child shares with its parent.
            if !chunk.load(Ordering::Relaxed).is_null() {
                chunk.store(ptr::null_mut(), Ordering::Relaxed);
            }
        }
        PROCESS.store(this_process(), Ordering::Relaxed);
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        PROCESS.store(this_process(), Ordering::Relaxed);
        // SAFETY: the handler changes atomics only, which is safe in a child of fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// The process that the table is of.
static PROCESS: AtomicI32 = AtomicI32::new(0);

fn this_process() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getpid() }
}

/// Whether the caller must leave what is registered alone: it is a child that shares this memory, as vfork(2) and clone(2) make them, whose
/// descriptors are others, or a signal handler, which may have interrupted who holds a lock that it would wait for.
fn is_elsewhere() -> bool {
    is_in_handler() || this_process() != PROCESS.load(Ordering::Relaxed)
}

/// A descriptor's number.
pub(crate) struct Slot {
    /// A [`Kind`], or 0.
    kind: AtomicU8,
    /// Whether there is a descriptor, to be asked without the lock.
    registered: AtomicBool,
    descriptor: Lock<Option<Arc<Descriptor>>>,
    turn: Lock<()>,
    /// Whether the kernel knows no way to make a call on it that does not wait.
    always_waits: AtomicBool,
}

/// The place for `fd`. None for a number that cannot be a descriptor.
#[inline]
pub(crate) fn slot(fd: c_int) -> Option<&'static Slot> {
    let index = usize::try_from(fd).ok()?;
    let chunk = TABLE.get(index / CHUNK)?;
    let found = chunk.load(Ordering::Acquire);
    let found = if found.is_null() { add(chunk) } else { found };
    // SAFETY: chunks are never freed.
    Some(unsafe { &(*found)[index % CHUNK] })
}

/// The place for `fd`, if its number was ever used.
#[inline]
pub(super) fn existing(fd: c_int) -> Option<&'static Slot> {
    let index = usize::try_from(fd).ok()?;
    let chunk = TABLE.get(index / CHUNK)?.load(Ordering::Acquire);
    // SAFETY: null, or a chunk, which is never freed.
    unsafe { chunk.as_ref() }.map(|chunk| &chunk[index % CHUNK])
}

#[cold]
fn add(place: &AtomicPtr<Chunk>) -> *mut Chunk {
    let slots: Vec<Slot> = (0..CHUNK).map(|_| Slot::new()).collect();
    let Ok(new) = <Box<Chunk>>::try_from(slots.into_boxed_slice()) else { unreachable!() };
    let new = Box::into_raw(new);
    match place.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => new,
        Err(others) => {
            // SAFETY: nobody has seen it.
            drop(unsafe { Box::from_raw(new) });
            others
        }
    }
}

/// All numbers from `first` to `last` that were ever used.
pub(super) fn range(first: u32, last: u32) -> impl Iterator<Item = (c_int, &'static Slot)> {
    let last = (last as usize).min(CHUNK * CHUNKS - 1);
    let mut next = first as usize;
    std::iter::from_fn(move || {
        while next <= last {
            let fd = next;
            match existing(fd as c_int) {
                Some(slot) => {
                    next += 1;
                    return Some((fd as c_int, slot));
                }
                None => next = (fd / CHUNK + 1) * CHUNK,
            }
        }
        None
    })
}

impl Slot {
    fn new() -> Slot {
        Slot {
            kind: AtomicU8::new(0),
            registered: AtomicBool::new(false),
            descriptor: Lock::new(None),
            turn: Lock::new(()),
            always_waits: AtomicBool::new(false),
        }
    }

    #[inline]
    pub(crate) fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.kind.load(Ordering::Relaxed))
    }

    pub(crate) fn set_kind(&self, kind: Kind) {
        self.kind.store(kind as u8, Ordering::Relaxed);
    }

    /// Whether somebody has waited for it, so that its readiness is known.
    #[inline]
    pub(crate) fn is_registered(&self) -> bool {
        self.registered.load(Ordering::Relaxed)
    }

    /// What stands for the file of `fd`, made where there is none.
    pub(crate) fn descriptor(&self, fd: c_int) -> std::io::Result<Arc<Descriptor>> {
        let mut place = self.descriptor.lock();
        if let Some(descriptor) = &*place {
            return Ok(descriptor.clone());
        }
        let descriptor = Arc::new(Descriptor::of(fd)?);
        *place = Some(descriptor.clone());
        self.registered.store(true, Ordering::Relaxed);
        Ok(descriptor)
    }

    /// Forgets `stale`, which does not stand for the number's file any more.
    pub(crate) fn replace(&self, fd: c_int, stale: &Arc<Descriptor>) {
        let mut place = self.descriptor.lock();
        if place.as_ref().is_some_and(|current| Arc::ptr_eq(current, stale)) {
            self.empty(fd, &mut place);
        }
    }

    /// Forgets all, and sends away who waits.
    #[inline]
    pub(super) fn clear(&self, fd: c_int) {
        self.forget_kind();
        if self.is_registered() && !is_elsewhere() {
            self.empty(fd, &mut self.descriptor.lock());
        }
    }

    /// Sends away who has begun to wait between a [`Slot::clear`] and the end of the number's old meaning.
    pub(super) fn clear_late(&self, fd: c_int) {
        self.forget_kind();
        if is_in_handler() {
            return;
        }
        let mut place = self.descriptor.lock();
        if place.as_ref().is_some_and(|late| !late.is_of(fd)) && !is_elsewhere() {
            self.empty(fd, &mut place);
        }
    }

    pub(crate) fn forget_kind(&self) {
        self.kind.store(0, Ordering::Relaxed);
        self.always_waits.store(false, Ordering::Relaxed);
    }

    pub(crate) fn always_waits(&self) -> bool {
        self.always_waits.load(Ordering::Relaxed)
    }

    pub(crate) fn set_always_waits(&self) {
        self.always_waits.store(true, Ordering::Relaxed);
    }

    /// Runs `f` while nobody else does, for the same number.
    pub(crate) fn alone<T>(&self, f: impl FnOnce() -> T) -> T {
        let _alone = self.turn.lock();
        f()
    }

    fn empty(&self, fd: c_int, place: &mut Option<Arc<Descriptor>>) {
        self.registered.store(false, Ordering::Relaxed);
        if let Some(descriptor) = place.take() {
            descriptor.close(fd);
        }
    }
}
