//! Bursts of short connections.

use std::io::{Read, Write};
use std::net::SocketAddr;

use greenwood::net::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

const BURSTS: u32 = 20;

/// Below std's backlog of 128: beyond it the kernel drops handshakes, and the clients' second tries take a second.
const BURST: u32 = 100;

#[test]
fn every_connection_is_accepted_once_and_answered() {
    let total = BURSTS * BURST;
    compare((0..total).map(|i| i + 1).collect::<Vec<_>>(), greenwood, tokio);
}

fn greenwood() -> Vec<u32> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = greenwood::spawn(move || {
        for _ in 0..BURSTS * BURST {
            let (mut stream, _) = listener.accept().unwrap();
            drop(greenwood::spawn(move || {
                let mut number = [0; 4];
                stream.read_exact(&mut number).unwrap();
                stream.write_all(&(u32::from_be_bytes(number) + 1).to_be_bytes()).unwrap();
            }));
        }
    });
    let mut answers = Vec::new();
    for burst in 0..BURSTS {
        let clients: Vec<_> = (burst * BURST..(burst + 1) * BURST)
            .map(|i| greenwood::spawn(move || greenwood_ask(address, i)))
            .collect();
        answers.extend(clients.into_iter().map(|client| client.join().unwrap()));
    }
    server.join().unwrap();
    answers
}

fn greenwood_ask(address: SocketAddr, number: u32) -> u32 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&number.to_be_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    u32::from_be_bytes(answer.try_into().unwrap())
}

async fn tokio() -> Vec<u32> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        for _ in 0..BURSTS * BURST {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(tokio::spawn(async move {
                let number = stream.read_u32().await.unwrap();
                stream.write_u32(number + 1).await.unwrap();
            }));
        }
    });
    let mut answers = Vec::new();
    for burst in 0..BURSTS {
        let clients: Vec<_> = (burst * BURST..(burst + 1) * BURST)
            .map(|i| tokio::spawn(tokio_ask(address, i)))
            .collect();
        for client in clients {
            answers.push(client.await.unwrap());
        }
    }
    server.await.unwrap();
    answers
}

async fn tokio_ask(address: SocketAddr, number: u32) -> u32 {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_u32(number).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    u32::from_be_bytes(answer.try_into().unwrap())
}
