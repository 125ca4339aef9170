//! The part of a worker that other threads see.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mio::{Registry, Token, Waker};
use slab::Slab;

use super::inbox::{Bell, Inbox};
use crate::coroutine::Task;
use crate::interpose;
use crate::readiness::Registered;
use crate::sys::fork;
use crate::sys::lock::Mutex;
use crate::sys::poller::{Poller, Ready};

/// What a worker can be told.
pub(crate) enum Message {
    /// Run this, here.
    Start(Arc<dyn Task>),
    /// Unpark it: this is its home.
    Wake(Arc<dyn Task>),
    /// Cancel everything and end.
    Close,
    /// Give up on what has not ended.
    Abandon,
}

/// What the waker's events carry instead of a source's token.
const WAKER: usize = usize::MAX;

/// A worker, as seen from elsewhere.
///
/// Lives for ever: coroutines' control blocks refer to it without counting. When its worker has ended it is used again for a later
/// one; a late wake-up for a finished coroutine of the former is recognised by that coroutine's state.
pub(crate) struct Shared {
    inbox: Inbox<Message>,
    pub(crate) bell: Bell,
    io: Mutex<Option<Io>>,
    sources: Mutex<Sources>,
    /// The process that its worker runs in, see [`fork`].
    generation: AtomicU32,
}

struct Io {
    waker: Waker,
    registry: Registry,
}

#[derive(Default)]
struct Sources {
    slab: Slab<(usize, Arc<Registered>)>,
    /// Counts registrations, so that an event for a former one is recognised.
    generation: usize,
}

static FREE: Mutex<Vec<&'static Shared>> = Mutex::new(Vec::new());

impl Shared {
    /// The shared part for a new worker that waits with `poller`.
    pub(crate) fn obtain(poller: &Poller) -> io::Result<&'static Shared> {
        let io = Io {
            waker: Waker::new(poller.registry(), Token(WAKER))?,
            registry: poller.registry().try_clone()?,
        };
        let free = FREE.lock().pop();
        let shared = free.unwrap_or_else(|| {
            Box::leak(Box::new(Shared {
                inbox: Inbox::new(),
                bell: Bell::new(),
                io: Mutex::new(None),
                sources: Mutex::default(),
                generation: AtomicU32::new(0),
            }))
        });
        *shared.io.lock() = Some(io);
        shared.generation.store(fork::generation(), Ordering::Relaxed);
        shared.inbox.reopen();
        Ok(shared)
    }

    /// Called by a worker that has ended. Its sockets register elsewhere when they are next waited for.
    pub(crate) fn retire(&'static self) {
        *self.io.lock() = None;
        self.bell.awake();
        self.give_up_sources();
    }

    /// Called once nobody can send to it any more but late wakers: a later worker may have it.
    pub(crate) fn recycle(&'static self) {
        FREE.lock().push(self);
    }

    /// Its worker has been given up: who waits for a source registers it elsewhere.
    pub(crate) fn give_up_sources(&self) {
        let orphans: Vec<_> = self.sources.lock().slab.drain().collect();
        orphans.iter().for_each(|(_, source)| source.orphan());
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Gives it back if the worker has ended.
    pub(crate) fn send(&self, message: Message) -> Result<(), Message> {
        self.inbox.push(message)?;
        self.rouse();
        Ok(())
    }

    /// Wakes the worker if it sleeps. Says whether it did.
    pub(crate) fn rouse(&self) -> bool {
        self.bell.ring(|| {
            if let Some(io) = &*self.io.lock() {
                // Fails only if the kernel is out of memory for an eventfd's wait queue; there is no one to tell.
                let _ = interpose::directly(|| io.waker.wake());
            }
        })
    }

    pub(super) fn inbox(&self) -> &Inbox<Message> {
        &self.inbox
    }

    /// Has the kernel report `fd`'s readiness to `source`. Returns the token.
    pub(crate) fn register(&self, fd: i32, source: &Arc<Registered>) -> io::Result<usize> {
        let token = {
            let mut sources = self.sources.lock();
            // The largest is the waker's.
            sources.generation = (sources.generation + 1) % (usize::MAX >> INDEX_BITS);
            let generation = sources.generation;
            let index = sources.slab.insert((generation, source.clone()));
            token(generation, index)
        };
        let interest = mio::Interest::READABLE | mio::Interest::WRITABLE;
        let registered = match &*self.io.lock() {
            Some(io) => io.registry.register(&mut mio::unix::SourceFd(&fd), Token(token), interest),
            None => Err(io::Error::other("the worker has ended")),
        };
        if let Err(e) = registered {
            self.forget(token);
            return Err(e);
        }
        Ok(token)
    }

    /// Fails with `NotFound` if the kernel has no registration of the file that `fd` stands for, under this number.
    pub(crate) fn confirm(&self, fd: i32, token: usize) -> io::Result<()> {
        let interest = mio::Interest::READABLE | mio::Interest::WRITABLE;
        match &*self.io.lock() {
            Some(io) => {
                io.registry.reregister(&mut mio::unix::SourceFd(&fd), Token(token), interest)
            }
            // Who waits is about to be told.
            None => Ok(()),
        }
    }

    /// Ends the kernel's reports on a descriptor that is still open, and forgets its source.
    pub(crate) fn deregister(&self, fd: i32, token: usize) {
        // A forked child shares the epoll instance: what it takes out, the parent would miss.
        if self.generation.load(Ordering::Relaxed) == fork::generation()
            && let Some(io) = &*self.io.lock()
        {
            // Fails if the descriptor was closed meanwhile, which deregistered it.
            let _ = io.registry.deregister(&mut mio::unix::SourceFd(&fd));
        }
        self.forget(token);
    }

    /// Forgets a source. Later events for its token are ignored.
    pub(crate) fn forget(&self, token: usize) {
        let mut sources = self.sources.lock();
        let (generation, index) = parts(token);
        if sources.slab.get(index).is_some_and(|(g, _)| *g == generation) {
            sources.slab.remove(index);
        }
    }

    /// Waits with `poller` and passes the events on. Says whether there were any.
    pub(super) fn wait(
        &self,
        poller: &mut Poller,
        timeout: Option<std::time::Duration>,
    ) -> io::Result<bool> {
        let mut any = false;
        let mut sources = None;
        poller.wait(timeout, |token, ready: Ready| {
            any = true;
            if token == WAKER {
                return;
            }
            let sources = sources.get_or_insert_with(|| self.sources.lock());
            let (generation, index) = parts(token);
            if let Some((g, source)) = sources.slab.get(index)
                && *g == generation
            {
                source.event(ready);
            }
        })?;
        Ok(any)
    }
}

/// A token is half generation, half index.
const INDEX_BITS: u32 = usize::BITS / 2;

fn token(generation: usize, index: usize) -> usize {
    (generation << INDEX_BITS) | index
}

fn parts(token: usize) -> (usize, usize) {
    (token >> INDEX_BITS, token & ((1 << INDEX_BITS) - 1))
}
