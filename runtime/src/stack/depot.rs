//! The process-wide store of stacks behind the workers' pools, and the slabs that new ones are cut from.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Stack, explain_mapping_error};
use crate::sys::lock::Mutex;
use crate::sys::{fork, memory};
use crate::tls;

/// Address space reserved at a time. One mapping, whatever the number of stacks (with lightweight guards).
const SLAB_SIZE: usize = 64 << 20;

/// Stacks given back at a time by [`trim_idle`], so that a worker is not held for long.
const TRIM_BATCH: usize = 128;

/// All stacks of one size that no worker holds.
struct Class {
    reserved: usize,
    /// With resident pages. Last in, first out.
    warm: Vec<Stack>,
    /// With no resident pages.
    cold: Vec<Stack>,
    /// The part of the newest slab that is not cut yet.
    uncut: std::ops::Range<usize>,
}

static CLASSES: Mutex<Vec<Class>> = Mutex::new(Vec::new());

/// How many warm stacks the depot holds, and how often one was taken, to tell an idle depot without its lock.
static WARM: AtomicUsize = AtomicUsize::new(0);
static TAKEN: AtomicUsize = AtomicUsize::new(0);

fn with_class<R>(reserved: usize, f: impl FnOnce(&mut Class) -> R) -> R {
    let mut classes = CLASSES.lock();
    let index = classes.iter().position(|c| c.reserved == reserved).unwrap_or_else(|| {
        classes.push(Class { reserved, warm: Vec::new(), cold: Vec::new(), uncut: 0..0 });
        classes.len() - 1
    });
    f(&mut classes[index])
}

/// Moves up to `count` stacks (at least one) of a size into `into`.
pub(super) fn take(reserved: usize, count: usize, into: &mut Vec<Stack>) -> io::Result<()> {
    TAKEN.fetch_add(1, Ordering::Relaxed);
    let had = into.len();
    let result = with_class(reserved, |class| {
        let at = class.warm.len().saturating_sub(count);
        if at < class.warm.len() {
            WARM.fetch_sub(class.warm.len() - at, Ordering::Relaxed);
            into.extend(class.warm.drain(at..));
            return Ok(());
        }
        if let Some(stack) = class.cold.pop() {
            into.push(stack);
            return Ok(());
        }
        into.push(class.cut()?);
        Ok(())
    });
    if fork::generation() != 0 {
        into[had..].iter().for_each(after_fork);
    }
    result
}

/// What the parent of a forked process has used before, and the child uses now.
#[cold]
fn after_fork(stack: &Stack) {
    if let (Some(block), Ok(facts)) = (&stack.block, tls::facts()) {
        // SAFETY: nothing runs on a stack of the depot's.
        unsafe { block.list_again(facts) };
    }
}

/// Takes stacks over from a worker's pool.
pub(super) fn put(reserved: usize, stacks: impl ExactSizeIterator<Item = Stack>) {
    WARM.fetch_add(stacks.len(), Ordering::Relaxed);
    with_class(reserved, |class| class.warm.extend(stacks));
}

impl Class {
    fn cut(&mut self) -> io::Result<Stack> {
        if self.uncut.is_empty() {
            let len = (SLAB_SIZE / self.reserved).max(1) * self.reserved;
            let start = memory::reserve(len).map_err(explain_mapping_error)?;
            self.uncut = start..start + len;
        }
        let end = self.uncut.start + self.reserved;
        // SAFETY: the slot was reserved above and is cut only once: `uncut` moves on when it is a stack.
        let stack = unsafe { Stack::new(end, self.reserved)? };
        self.uncut.start = end;
        Ok(stack)
    }
}

/// How many stacks the depot holds whose pages could be given back, and a number that changes whenever one is taken.
pub(crate) fn warm() -> (usize, usize) {
    (WARM.load(Ordering::Relaxed), TAKEN.load(Ordering::Relaxed))
}

/// Gives back the pages of some stacks. False once there are none left.
pub(crate) fn trim_idle() -> bool {
    let facts = tls::facts().ok();
    let batch: Option<(usize, Vec<Stack>)> =
        CLASSES.lock().iter_mut().find(|c| !c.warm.is_empty()).map(|c| {
            let count = c.warm.len().min(TRIM_BATCH);
            (c.reserved, c.warm.drain(..count).collect())
        });
    // The system calls run without the lock.
    let Some((reserved, mut stacks)) = batch else { return false };
    WARM.fetch_sub(stacks.len(), Ordering::Relaxed);
    stacks.iter_mut().for_each(|s| s.release(facts));
    with_class(reserved, |class| class.cold.append(&mut stacks));
    true
}
