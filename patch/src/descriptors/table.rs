//! The table of descriptors, by number.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

use greenwood_runtime::interpose::Lock;
use libc::c_int;

use super::{Descriptor, Kind};

const CHUNK: usize = 1024;
/// Numbers of this and above are not remembered, and calls on them do not yield: no kernel gives them out unless told to (fs.nr_open).
const CHUNKS: usize = 4096;

type Chunk = [Slot; CHUNK];

static TABLE: [AtomicPtr<Chunk>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

/// A descriptor's number.
pub(crate) struct Slot {
    /// A [`Kind`], or 0.
    kind: AtomicU8,
    /// Whether there is a descriptor, to be asked without the lock.
    registered: AtomicBool,
    descriptor: Lock<Option<Arc<Descriptor>>>,
    turn: Lock<()>,
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
fn existing(fd: usize) -> Option<&'static Slot> {
    let chunk = TABLE.get(fd / CHUNK)?.load(Ordering::Acquire);
    // SAFETY: null, or a chunk, which is never freed.
    unsafe { chunk.as_ref() }.map(|chunk| &chunk[fd % CHUNK])
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

/// Clears all numbers from `first` to `last`.
pub(super) fn clear_range(first: u32, last: u32) {
    let last = (last as usize).min(CHUNK * CHUNKS - 1);
    let mut fd = first as usize;
    while fd <= last {
        match existing(fd) {
            Some(slot) => {
                slot.clear(fd as c_int);
                fd += 1;
            }
            None => fd = (fd / CHUNK + 1) * CHUNK,
        }
    }
}

impl Slot {
    fn new() -> Slot {
        Slot {
            kind: AtomicU8::new(0),
            registered: AtomicBool::new(false),
            descriptor: Lock::new(None),
            turn: Lock::new(()),
        }
    }

    #[inline]
    pub(crate) fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.kind.load(Ordering::Relaxed))
    }

    pub(crate) fn set_kind(&self, kind: Kind) {
        self.kind.store(kind as u8, Ordering::Relaxed);
    }

    pub(crate) fn clear_kind(&self) {
        self.kind.store(0, Ordering::Relaxed);
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
    pub(crate) fn clear(&self, fd: c_int) {
        self.kind.store(0, Ordering::Relaxed);
        if self.is_registered() {
            self.empty(fd, &mut self.descriptor.lock());
        }
    }

    pub(crate) fn closing<T>(&self, fd: c_int, close: impl FnOnce() -> T) -> T {
        if !self.is_registered() && self.kind.load(Ordering::Relaxed) == 0 {
            return close();
        }
        let mut place = self.descriptor.lock();
        self.kind.store(0, Ordering::Relaxed);
        self.empty(fd, &mut place);
        close()
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
