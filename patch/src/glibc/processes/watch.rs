//! Threads that watch children: they wait in waitid(2) without taking what it returns, and wake who is interested.
//!
//! One for each set of children that is waited for. It ends with the next change, also when nobody is interested any more; so calls that are interrupted and
//! made again do not leave a thread each.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use greenwood_runtime::interpose::{Call, Lock};
use greenwood_runtime::park::{self, Reason, Unparker, Wake};
use libc::siginfo_t;

use super::change::{Children, pause};

static WATCHES: Lock<Vec<Watch>> = Lock::new(Vec::new());

struct Watch {
    children: Children,
    interested: Vec<Arc<Interested>>,
}

struct Interested {
    changed: AtomicBool,
    waiter: Unparker,
}

/// Waits until some of `children` may have changed.
///
/// # Errors
/// If the caller is interrupted.
pub(super) fn wait(call: &Call, children: Children) -> io::Result<()> {
    let me = Arc::new(Interested { changed: AtomicBool::new(false), waiter: park::unparker() });
    if enlist(children, &me) && !start(children) {
        wake(children);
        return pause(call);
    }
    while !me.changed.load(Ordering::Acquire) {
        if let Wake::Interrupted(interruption) = park::park(&Reason("child process"), None) {
            for watch in WATCHES.lock().iter_mut() {
                watch.interested.retain(|one| !Arc::ptr_eq(one, &me));
            }
            return Err(interruption.into());
        }
    }
    Ok(())
}

/// True if nobody watches them yet.
fn enlist(children: Children, me: &Arc<Interested>) -> bool {
    let mut watches = WATCHES.lock();
    match watches.iter_mut().find(|watch| watch.children == children) {
        Some(watch) => {
            watch.interested.push(me.clone());
            false
        }
        None => {
            watches.push(Watch { children, interested: vec![me.clone()] });
            true
        }
    }
}

fn start(children: Children) -> bool {
    let watch = move || {
        look(children);
        wake(children);
    };
    thread::Builder::new().name("greenwood-wait".into()).spawn(watch).is_ok()
}

/// Blocks until there is something that a call could take, or never will be.
fn look(children: Children) {
    loop {
        let mut found = MaybeUninit::<siginfo_t>::zeroed();
        let options = children.options | libc::WNOWAIT;
        // SAFETY: a structure of ours.
        let result =
            unsafe { libc::waitid(children.kind, children.id, found.as_mut_ptr(), options) };
        if result == 0 {
            return;
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::ECHILD) => return,
            // What is refused here alone is asked again now and then.
            _ => return thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Whoever enlists from now on begins a new watch.
fn wake(children: Children) {
    let interested = {
        let mut watches = WATCHES.lock();
        let place = watches.iter().position(|watch| watch.children == children);
        place.map(|place| watches.swap_remove(place).interested)
    };
    for one in interested.into_iter().flatten() {
        one.changed.store(true, Ordering::Release);
        one.waiter.unpark();
    }
}
