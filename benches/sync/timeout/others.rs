//! The others' time-outs. may's is the channel's own.

use std::hint::black_box;

use may::sync::mpsc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::LIMIT;
use crate::crew;

async fn receive_tokio(receiver: &mut UnboundedReceiver<usize>) -> usize {
    tokio::time::timeout(LIMIT, receiver.recv()).await.unwrap().unwrap()
}

pub async fn tokio_ready(n: usize) {
    let (sender, mut receiver) = unbounded_channel();
    for i in 0..n {
        sender.send(i).unwrap();
        black_box(receive_tokio(&mut receiver).await);
    }
}

pub async fn tokio_round_trips(n: usize) {
    let (there, mut arrivals) = unbounded_channel();
    let (back, mut answers) = unbounded_channel();
    crew::tokio_pair(
        async move {
            for i in 0..n {
                there.send(i).unwrap();
                black_box(receive_tokio(&mut answers).await);
            }
        },
        async move {
            for _ in 0..n {
                back.send(receive_tokio(&mut arrivals).await).unwrap();
            }
        },
    )
    .await;
}

fn receive_may(receiver: &mpsc::Receiver<usize>) -> usize {
    receiver.recv_timeout(LIMIT).unwrap()
}

pub fn may_ready(n: usize) {
    let (sender, receiver) = mpsc::channel();
    for i in 0..n {
        sender.send(i).unwrap();
        black_box(receive_may(&receiver));
    }
}

pub fn may_round_trips(n: usize) {
    let (there, arrivals) = mpsc::channel();
    let (back, answers) = mpsc::channel();
    crew::may_pair(
        move || {
            for i in 0..n {
                there.send(i).unwrap();
                black_box(receive_may(&answers));
            }
        },
        move || (0..n).for_each(|_| back.send(receive_may(&arrivals)).unwrap()),
    );
}
