//! Greenwood's timeout.

use std::hint::black_box;

use greenwood::channel::{Receiver, unbounded};

use super::LIMIT;
use crate::crew;

fn receive(receiver: &Receiver<usize>) -> usize {
    greenwood::timeout(LIMIT, || receiver.recv().unwrap()).unwrap()
}

pub fn ready(n: usize) {
    let (sender, receiver) = unbounded();
    for i in 0..n {
        sender.send(i).unwrap();
        black_box(receive(&receiver));
    }
}

pub fn round_trips(n: usize) {
    let (there, arrivals) = unbounded();
    let (back, answers) = unbounded();
    crew::greenwood_pair(
        move || {
            for i in 0..n {
                there.send(i).unwrap();
                black_box(receive(&answers));
            }
        },
        move || (0..n).for_each(|_| back.send(receive(&arrivals)).unwrap()),
    );
}
