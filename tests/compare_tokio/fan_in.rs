//! Many senders, one receiver: Unix datagrams, whose queue is so short that senders wait for room.

use std::sync::Arc;

use greenwood::net::UnixDatagram;

use crate::harness::compare;

const SENDERS: u32 = 20;
const EACH: u32 = 100;

#[test]
fn nothing_is_lost_and_each_sender_keeps_its_order() {
    let by_sender = vec![(0..EACH).collect::<Vec<_>>(); SENDERS as usize];
    compare(by_sender, greenwood, tokio);
}

fn datagram(sender: u32, number: u32) -> [u8; 8] {
    (u64::from(sender) << 32 | u64::from(number)).to_be_bytes()
}

/// Files a datagram's number under its sender.
fn file(received: &mut [Vec<u32>], datagram: [u8; 8]) {
    let both = u64::from_be_bytes(datagram);
    received[(both >> 32) as usize].push(both as u32);
}

fn greenwood() -> Vec<Vec<u32>> {
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    let sender = Arc::new(sender);
    let send = |s| {
        let socket = sender.clone();
        greenwood::spawn(move || {
            for number in 0..EACH {
                assert_eq!(socket.send(&datagram(s, number)).unwrap(), 8);
            }
        })
    };
    let senders: Vec<_> = (0..SENDERS).map(send).collect();
    let mut received = vec![Vec::new(); SENDERS as usize];
    for _ in 0..SENDERS * EACH {
        let mut buf = [0; 8];
        assert_eq!(receiver.recv(&mut buf).unwrap(), 8);
        file(&mut received, buf);
    }
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    received
}

async fn tokio() -> Vec<Vec<u32>> {
    let (sender, receiver) = tokio::net::UnixDatagram::pair().unwrap();
    let sender = Arc::new(sender);
    let send = |s| {
        let socket = sender.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                assert_eq!(socket.send(&datagram(s, number)).await.unwrap(), 8);
            }
        })
    };
    let senders: Vec<_> = (0..SENDERS).map(send).collect();
    let mut received = vec![Vec::new(); SENDERS as usize];
    for _ in 0..SENDERS * EACH {
        let mut buf = [0; 8];
        assert_eq!(receiver.recv(&mut buf).await.unwrap(), 8);
        file(&mut received, buf);
    }
    for sender in senders {
        sender.await.unwrap();
    }
    received
}
