//! Greenwood's select.

use greenwood::channel::{Receiver, bounded, select, unbounded};

use crate::crew;

fn next(receivers: &[Receiver<usize>; 4]) -> usize {
    let [a, b, c, d] = receivers;
    select! {
        recv(a) -> message => message.unwrap(),
        recv(b) -> message => message.unwrap(),
        recv(c) -> message => message.unwrap(),
        recv(d) -> message => message.unwrap(),
    }
}

/// The message is there before the select.
pub fn ready(n: usize) {
    let channels = [(); 4].map(|()| bounded(8));
    let receivers = channels.each_ref().map(|(_, receiver)| receiver.clone());
    for i in 0..n {
        channels[i % 4].0.send(i).unwrap();
        assert_eq!(next(&receivers), i);
    }
}

/// The message comes from another coroutine, which then waits for the answer.
pub fn wait(n: usize) {
    let channels = [(); 4].map(|()| bounded(8));
    let receivers = channels.each_ref().map(|(_, receiver)| receiver.clone());
    let (back, answers) = unbounded();
    crew::greenwood_pair(
        move || (0..n).for_each(|_| back.send(next(&receivers)).unwrap()),
        move || {
            for i in 0..n {
                channels[i % 4].0.send(i).unwrap();
                assert_eq!(answers.recv(), Ok(i));
            }
        },
    );
}
