//! The look-ups' share of the threads that help out: slow name servers are not to use up all.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenwood_runtime::interpose::Lock;
use greenwood_runtime::park::{self, Reason, Unparker, Wake};
use greenwood_runtime::{Interruption, try_offload};

/// Look-ups at a time. More wait in line.
const AT_ONCE: usize = 16;

static SHARE: Lock<Share> = Lock::new(Share { running: 0, line: VecDeque::new() });

struct Share {
    running: usize,
    line: VecDeque<Arc<Turn>>,
}

struct Turn {
    has_come: AtomicBool,
    waiter: Unparker,
}

/// Runs `f`, a look-up, on another thread.
///
/// # Errors
/// If the caller was interrupted. `f` runs to its end nevertheless if it has begun, and its value is dropped.
pub(super) fn look_up<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Interruption> {
    let permit = Permit::wait()?;
    try_offload(move || {
        let found = f();
        drop(permit);
        found
    })
}

/// One of the share, until it is dropped, which is where the look-up ends.
struct Permit;

impl Permit {
    fn wait() -> Result<Permit, Interruption> {
        let turn = {
            let mut share = SHARE.lock();
            if share.running < AT_ONCE {
                share.running += 1;
                return Ok(Permit);
            }
            let turn =
                Arc::new(Turn { has_come: AtomicBool::new(false), waiter: park::unparker() });
            share.line.push_back(turn.clone());
            turn
        };
        while !turn.has_come.load(Ordering::Acquire) {
            if let Wake::Interrupted(interruption) = park::park(&Reason("name look-up"), None) {
                let mut share = SHARE.lock();
                // Who is not in the line any more has been given a place, and takes it: it is his to give on.
                if let Some(place) = share.line.iter().position(|t| Arc::ptr_eq(t, &turn)) {
                    share.line.remove(place);
                    return Err(interruption);
                }
                return Ok(Permit);
            }
        }
        Ok(Permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut share = SHARE.lock();
            let next = share.line.pop_front();
            if next.is_none() {
                share.running -= 1;
            }
            next
        };
        if let Some(turn) = next {
            turn.has_come.store(true, Ordering::Release);
            turn.waiter.unpark();
        }
    }
}
