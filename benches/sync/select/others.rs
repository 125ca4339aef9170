//! The others' select.

use may::sync::mpmc;
use tokio::sync::mpsc;

use crate::crew;

async fn next_tokio(receivers: &mut [mpsc::Receiver<usize>; 4]) -> usize {
    let [a, b, c, d] = receivers;
    tokio::select! {
        message = a.recv() => message.unwrap(),
        message = b.recv() => message.unwrap(),
        message = c.recv() => message.unwrap(),
        message = d.recv() => message.unwrap(),
    }
}

fn tokio_channels() -> ([mpsc::Sender<usize>; 4], [mpsc::Receiver<usize>; 4]) {
    let [a, b, c, d] = [(); 4].map(|()| mpsc::channel(8));
    ([a.0, b.0, c.0, d.0], [a.1, b.1, c.1, d.1])
}

pub async fn tokio_ready(n: usize) {
    let (senders, mut receivers) = tokio_channels();
    for i in 0..n {
        senders[i % 4].send(i).await.unwrap();
        assert_eq!(next_tokio(&mut receivers).await, i);
    }
}

pub async fn tokio_wait(n: usize) {
    let (senders, mut receivers) = tokio_channels();
    let (back, mut answers) = mpsc::unbounded_channel();
    crew::tokio_pair(
        async move {
            for _ in 0..n {
                back.send(next_tokio(&mut receivers).await).unwrap();
            }
        },
        async move {
            for i in 0..n {
                senders[i % 4].send(i).await.unwrap();
                assert_eq!(answers.recv().await, Some(i));
            }
        },
    )
    .await;
}

type MayChannels = [(mpmc::Sender<usize>, mpmc::Receiver<usize>); 4];

/// Which one had a message: may's select is a coroutine for each arm.
fn next_may(channels: &MayChannels) -> usize {
    let [a, b, c, d] = channels;
    may::select!(
        _ = a.1.recv() => {},
        _ = b.1.recv() => {},
        _ = c.1.recv() => {},
        _ = d.1.recv() => {}
    )
}

pub fn may_ready(n: usize) {
    let channels: MayChannels = [(); 4].map(|()| mpmc::channel());
    for i in 0..n {
        channels[i % 4].0.send(i).unwrap();
        assert_eq!(next_may(&channels), i % 4);
    }
}

pub fn may_wait(n: usize) {
    let channels: MayChannels = [(); 4].map(|()| mpmc::channel());
    let senders = channels.each_ref().map(|(sender, _)| sender.clone());
    let (back, answers) = may::sync::mpsc::channel();
    crew::may_pair(
        move || (0..n).for_each(|_| back.send(next_may(&channels)).unwrap()),
        move || {
            for i in 0..n {
                senders[i % 4].send(i).unwrap();
                assert_eq!(answers.recv().unwrap(), i % 4);
            }
        },
    );
}
