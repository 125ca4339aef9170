//! pthread_barrier_wait(3), for OS threads as well: those who meet must be in one queue.
//!
//! Barriers that other processes may use are libc's own, and block the worker.

use std::pin::pin;

use greenwood_runtime::interpose;
use greenwood_runtime::park::Reason;
use libc::{PTHREAD_BARRIER_SERIAL_THREAD, c_int, pthread_barrier_t};

use super::layout;
use super::queue::{self, Waiter};
use crate::glibc::hook::{instead, keeping_errno};

instead! {
    LOCKS;
    fn pthread_barrier_wait(barrier: *mut pthread_barrier_t) -> c_int => meet;
}

const WAITING: u32 = 1;
/// The round is complete. Who comes now belongs to the next one.
const COMPLETE: u32 = 2;

unsafe fn meet(barrier: *mut pthread_barrier_t) -> c_int {
    // SAFETY: dropped at the end of this function.
    let call = unsafe { interpose::enter() };
    // SAFETY: what the caller promised libc, here and below.
    let party = unsafe { layout::party_of(barrier) };
    let shares_locals = call.as_ref().is_some_and(|c| !c.has_own_thread_locals());
    let Some(party) = party.filter(|_| !shares_locals) else {
        // SAFETY: as the caller promised libc.
        return unsafe { pthread_barrier_wait::next(barrier) };
    };
    // Others may wake without cause whom they take for a waiter of theirs, whose memory this was before: a lock is looked at again, a barrier
    // cannot be. None of theirs is at an odd address.
    let address = barrier as usize | 1;
    keeping_errno(|| {
        let waiter = pin!(Waiter::new(call.as_ref(), address, WAITING));
        let enlisted = waiter.enlist(|others| {
            let is_last = others.count(WAITING) + 1 >= party;
            if is_last {
                others.mark(WAITING, COMPLETE);
            }
            !is_last
        });
        match enlisted {
            Some(enlisted) => {
                enlisted.wait(&Reason("pthread_barrier_wait"), None);
                0
            }
            None => {
                queue::wake(address, COMPLETE, usize::MAX);
                PTHREAD_BARRIER_SERIAL_THREAD
            }
        }
    })
}
