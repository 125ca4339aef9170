//! What the others have for it: Notify for tokio's missing event, a semaphore for may's.

use std::hint::black_box;
use std::sync::Arc;

use may::sync::{Condvar, Mutex, Semphore};
use tokio::sync::Notify;

use crate::crew;

pub async fn tokio_notifies(n: usize) {
    let there = Arc::new(Notify::new());
    let back = Arc::new(Notify::new());
    let (arrived, answer) = (there.clone(), back.clone());
    crew::tokio_pair(
        async move {
            for _ in 0..n {
                there.notify_one();
                back.notified().await;
            }
        },
        async move {
            for _ in 0..n {
                arrived.notified().await;
                answer.notify_one();
            }
        },
    )
    .await;
}

/// Nobody has to wait.
pub async fn tokio_notify_sets(n: usize) {
    let notify = Notify::new();
    let notify = black_box(&notify);
    for _ in 0..n {
        notify.notify_one();
        notify.notified().await;
    }
}

pub async fn tokio_oneshots(n: usize) {
    for i in 0..n {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        black_box(sender).send(i).unwrap();
        black_box(black_box(receiver).await.unwrap());
    }
}

pub fn may_semaphores(n: usize) {
    let there = Arc::new(Semphore::new(0));
    let back = Arc::new(Semphore::new(0));
    let (arrived, answer) = (there.clone(), back.clone());
    crew::may_pair(
        move || {
            for _ in 0..n {
                there.post();
                back.wait();
            }
        },
        move || {
            for _ in 0..n {
                arrived.wait();
                answer.post();
            }
        },
    );
}

/// A flag that waits for its setter.
#[derive(Default)]
struct Flag {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Flag {
    fn set(&self) {
        *self.set.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn take(&self) {
        let mut set = self.set.lock().unwrap();
        while !*set {
            set = self.changed.wait(set).unwrap();
        }
        *set = false;
    }
}

pub fn may_condvars(n: usize) {
    let there = Arc::new(Flag::default());
    let back = Arc::new(Flag::default());
    let (arrived, answer) = (there.clone(), back.clone());
    crew::may_pair(
        move || {
            for _ in 0..n {
                there.set();
                back.take();
            }
        },
        move || {
            for _ in 0..n {
                arrived.take();
                answer.set();
            }
        },
    );
}

/// It has none: its channel for one sender and one receiver.
pub fn may_oneshots(n: usize) {
    for i in 0..n {
        let (sender, receiver) = may::sync::spsc::channel();
        black_box(sender).send(i).unwrap();
        black_box(black_box(receiver).recv().unwrap());
    }
}
