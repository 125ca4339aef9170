//! Greenwood's channels.

use std::hint::black_box;

use greenwood::channel::{Receiver, Sender, bounded, unbounded};

use super::PLACES;
use crate::crew;

fn channel(capacity: Option<usize>) -> (Sender<usize>, Receiver<usize>) {
    capacity.map_or_else(unbounded, bounded)
}

/// Each end where the case has it.
pub fn round_trips(capacity: Option<usize>, n: usize) {
    let (asking, answering) = ends(capacity, n);
    crew::greenwood_pair(asking, answering);
}

/// Each end where the scheduler puts it.
pub fn round_trips_anywhere(n: usize) {
    let (asking, answering) = ends(None, n);
    let handles = [greenwood::spawn(asking), greenwood::spawn(answering)];
    handles.into_iter().for_each(|handle| handle.join().unwrap());
}

fn ends(
    capacity: Option<usize>,
    n: usize,
) -> (impl FnOnce() + Send + 'static, impl FnOnce() + Send + 'static) {
    let (there, arrivals) = channel(capacity);
    let (back, answers) = channel(capacity);
    let asking = move || {
        for i in 0..n {
            there.send(i).unwrap();
            black_box(answers.recv().unwrap());
        }
    };
    let answering = move || (0..n).for_each(|_| back.send(arrivals.recv().unwrap()).unwrap());
    (asking, answering)
}

pub fn stream(each: usize, n: usize) {
    let (sender, receiver) = bounded::<usize>(PLACES);
    crew::greenwood_pairs(
        each,
        || {
            let sender = sender.clone();
            move || (0..n / each).for_each(|i| sender.send(i).unwrap())
        },
        || {
            let receiver = receiver.clone();
            move || (0..n / each).for_each(|_| _ = black_box(receiver.recv().unwrap()))
        },
    );
}
