//! UDP requests to a server that ignores each one the first time: the client asks again after a time-out.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use greenwood::net::UdpSocket;

use crate::harness::compare;

const CLIENTS: u32 = 10;
const RETRY: Duration = Duration::from_millis(50);

#[test]
fn a_second_request_is_answered() {
    compare((0..CLIENTS).map(|i| i * i).collect::<Vec<_>>(), greenwood, tokio);
}

/// The answer, once a request has been seen before.
fn answer(seen: &mut HashSet<[u8; 4]>, request: [u8; 4]) -> Option<[u8; 4]> {
    let number = u32::from_be_bytes(request);
    (!seen.insert(request)).then(|| (number * number).to_be_bytes())
}

fn greenwood() -> Vec<u32> {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = greenwood::spawn(move || {
        let (mut seen, mut buf) = (HashSet::new(), [0; 4]);
        while let Ok((4, from)) = server.recv_from(&mut buf) {
            if let Some(answer) = answer(&mut seen, buf) {
                server.send_to(&answer, from).unwrap();
            }
        }
    });
    let clients: Vec<_> =
        (0..CLIENTS).map(|i| greenwood::spawn(move || greenwood_ask(address, i))).collect();
    let answers = clients.into_iter().map(|client| client.join().unwrap()).collect();
    // An empty datagram ends the server.
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[], address).unwrap();
    serving.join().unwrap();
    answers
}

fn greenwood_ask(server: SocketAddr, number: u32) -> u32 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(RETRY)).unwrap();
    loop {
        socket.send(&number.to_be_bytes()).unwrap();
        let mut buf = [0; 4];
        match socket.recv(&mut buf) {
            Ok(n) => {
                assert_eq!(n, 4);
                return u32::from_be_bytes(buf);
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
}

async fn tokio() -> Vec<u32> {
    let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut seen, mut buf) = (HashSet::new(), [0; 4]);
        while let Ok((4, from)) = server.recv_from(&mut buf).await {
            if let Some(answer) = answer(&mut seen, buf) {
                server.send_to(&answer, from).await.unwrap();
            }
        }
    });
    let clients: Vec<_> = (0..CLIENTS).map(|i| tokio::spawn(tokio_ask(address, i))).collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.unwrap());
    }
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&[], address).await.unwrap();
    serving.await.unwrap();
    answers
}

async fn tokio_ask(server: SocketAddr, number: u32) -> u32 {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server).await.unwrap();
    loop {
        socket.send(&number.to_be_bytes()).await.unwrap();
        let mut buf = [0; 4];
        if let Ok(received) = tokio::time::timeout(RETRY, socket.recv(&mut buf)).await {
            assert_eq!(received.unwrap(), 4);
            return u32::from_be_bytes(buf);
        }
    }
}
