//! Greenwood's events, notifications and one-shot channels.

use std::hint::black_box;
use std::sync::Arc;

use greenwood::sync::{Event, Notify, oneshot};

use crate::crew;

pub fn events(n: usize) {
    let there = Arc::new(Event::new());
    let back = Arc::new(Event::new());
    let (arrived, answer) = (there.clone(), back.clone());
    crew::greenwood_pair(
        move || {
            for _ in 0..n {
                there.set();
                back.wait();
                back.reset();
            }
        },
        move || {
            for _ in 0..n {
                arrived.wait();
                arrived.reset();
                answer.set();
            }
        },
    );
}

pub fn notifies(n: usize) {
    let there = Arc::new(Notify::new());
    let back = Arc::new(Notify::new());
    let (arrived, answer) = (there.clone(), back.clone());
    crew::greenwood_pair(
        move || {
            for _ in 0..n {
                there.notify_one();
                back.wait();
            }
        },
        move || {
            for _ in 0..n {
                arrived.wait();
                answer.notify_one();
            }
        },
    );
}

/// Nobody has to wait.
pub fn event_sets(n: usize) {
    let event = Event::new();
    let event = black_box(&event);
    for _ in 0..n {
        event.set();
        event.wait();
        event.reset();
    }
}

/// Nobody has to wait.
pub fn notify_sets(n: usize) {
    let notify = Notify::new();
    let notify = black_box(&notify);
    for _ in 0..n {
        notify.notify_one();
        notify.wait();
    }
}

pub fn oneshots(n: usize) {
    for i in 0..n {
        let (sender, receiver) = oneshot::channel();
        black_box(sender).send(i).unwrap();
        black_box(black_box(receiver).recv().unwrap());
    }
}
