//! Whom a coroutine belongs to, if anybody: a scope, a set or a pool, which is told of its start and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slab::Slab;

use super::Task;
use super::task::Header;
use crate::sys::lock::Mutex;
use crate::worker;

/// What has children.
pub(crate) trait Parent: Send + Sync {
    /// A child is about to go to a worker. Returns what [`Parent::finished`] is to get.
    fn started(&self, task: &Arc<dyn Task>) -> usize;

    /// A child has ended, thread-locals included. Called on its stack: nothing of the user's may run here.
    fn finished(&self, key: usize, child: &Header);

    /// A child has panicked and nobody joined it.
    fn panicked(&self) {}
}

/// A coroutine's place in its parent.
pub(crate) struct Child {
    parent: Arc<dyn Parent>,
    /// Set before a worker gets the task.
    key: AtomicUsize,
}

impl Child {
    pub(super) fn of(parent: Arc<dyn Parent>) -> Child {
        Child { parent, key: AtomicUsize::new(0) }
    }

    pub(super) fn started(&self, task: &Arc<dyn Task>) {
        self.key.store(self.parent.started(task), Ordering::Relaxed);
    }

    pub(super) fn finished(&self, child: &Header) {
        self.parent.finished(self.key.load(Ordering::Relaxed), child);
    }

    pub(super) fn panicked(&self) {
        self.parent.panicked();
    }
}

/// Children that have not ended, so that they can be cancelled.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Members>);

#[derive(Default)]
struct Members {
    tasks: Slab<Arc<dyn Task>>,
    closed: bool,
}

impl Registry {
    /// In a closed registry, the task is cancelled: one that has not started never does.
    pub(crate) fn enter(&self, task: &Arc<dyn Task>) -> usize {
        let mut members = self.0.lock();
        if members.closed {
            task.header().cancel.make();
        }
        members.tasks.insert(task.clone())
    }

    pub(crate) fn leave(&self, key: usize) {
        let task = self.0.lock().tasks.remove(key);
        drop(task);
    }

    /// Cancels those who are in it, and those who will be.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.cancel_all();
    }

    /// Cancels those who are in it.
    pub(crate) fn cancel_all(&self) {
        let tasks: Vec<_> = self.0.lock().tasks.iter().map(|(_, task)| task.clone()).collect();
        tasks.iter().for_each(worker::cancel);
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let members = self.0.lock();
        f.debug_struct("Registry")
            .field("len", &members.tasks.len())
            .field("closed", &members.closed)
            .finish()
    }
}
