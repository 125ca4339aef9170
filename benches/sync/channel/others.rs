//! The others' channels. Each producer sends as many messages as each consumer receives.

use std::hint::black_box;
use std::sync::Arc;

use may::sync::{mpmc, mpsc};

use super::PLACES;
use crate::crew;

pub async fn tokio_round_trips(n: usize) {
    let (there, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let (back, mut answers) = tokio::sync::mpsc::unbounded_channel();
    crew::tokio_pair(
        async move {
            for i in 0..n {
                there.send(i).unwrap();
                black_box(answers.recv().await.unwrap());
            }
        },
        async move {
            for _ in 0..n {
                back.send(arrivals.recv().await.unwrap()).unwrap();
            }
        },
    )
    .await;
}

pub async fn tokio_bounded_round_trips(n: usize) {
    let (there, mut arrivals) = tokio::sync::mpsc::channel(1);
    let (back, mut answers) = tokio::sync::mpsc::channel(1);
    crew::tokio_pair(
        async move {
            for i in 0..n {
                there.send(i).await.unwrap();
                black_box(answers.recv().await.unwrap());
            }
        },
        async move {
            for _ in 0..n {
                back.send(arrivals.recv().await.unwrap()).await.unwrap();
            }
        },
    )
    .await;
}

pub async fn tokio_stream(n: usize) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(PLACES);
    crew::tokio_pair(
        async move {
            for i in 0..n {
                sender.send(i).await.unwrap();
            }
        },
        async move {
            for _ in 0..n {
                black_box(receiver.recv().await.unwrap());
            }
        },
    )
    .await;
}

pub async fn tokio_streams(each: usize, n: usize) {
    let (sender, receiver) = tokio::sync::mpsc::channel(PLACES);
    let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
    crew::tokio_pairs(
        each,
        || {
            let sender = sender.clone();
            async move {
                for i in 0..n / each {
                    sender.send(i).await.unwrap();
                }
            }
        },
        || {
            let receiver = receiver.clone();
            async move {
                for _ in 0..n / each {
                    black_box(receiver.lock().await.recv().await.unwrap());
                }
            }
        },
    )
    .await;
}

pub fn may_round_trips(n: usize) {
    let (there, arrivals) = mpsc::channel();
    let (back, answers) = mpsc::channel();
    crew::may_pair(
        move || {
            for i in 0..n {
                there.send(i).unwrap();
                black_box(answers.recv().unwrap());
            }
        },
        move || (0..n).for_each(|_| back.send(arrivals.recv().unwrap()).unwrap()),
    );
}

pub fn may_stream(n: usize) {
    let (sender, receiver) = mpsc::channel();
    crew::may_pair(
        move || (0..n).for_each(|i| sender.send(i).unwrap()),
        move || (0..n).for_each(|_| _ = black_box(receiver.recv().unwrap())),
    );
}

pub fn may_streams(each: usize, n: usize) {
    let (sender, receiver) = mpmc::channel();
    crew::may_pairs(
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

pub fn std_round_trips(n: usize) {
    let (there, arrivals) = std::sync::mpsc::channel();
    let (back, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || (0..n).for_each(|_| back.send(arrivals.recv().unwrap()).unwrap()));
        for i in 0..n {
            there.send(i).unwrap();
            black_box(answers.recv().unwrap());
        }
    });
}

pub fn std_bounded_round_trips(capacity: usize, n: usize) {
    let (there, arrivals) = std::sync::mpsc::sync_channel(capacity);
    let (back, answers) = std::sync::mpsc::sync_channel(capacity);
    std::thread::scope(|scope| {
        scope.spawn(move || (0..n).for_each(|_| back.send(arrivals.recv().unwrap()).unwrap()));
        for i in 0..n {
            there.send(i).unwrap();
            black_box(answers.recv().unwrap());
        }
    });
}
