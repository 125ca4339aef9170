//! An echo server and several clients whose messages are split over many reads.

use std::io::{Read, Write};

use greenwood::net::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

const CLIENTS: usize = 20;
const SIZES: [usize; 5] = [1, 2, 1_000, 65_537, 300_000];

#[test]
fn every_client_gets_its_own_bytes_back() {
    compare(vec![SIZES.iter().sum::<usize>(); CLIENTS], greenwood, tokio);
}

/// Differs by client and place, so that a byte of another's, or out of order, shows.
fn message(client: usize, size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 + client * 7 + i / 256) as u8).collect()
}

fn greenwood() -> Vec<usize> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = |client| {
        greenwood::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let mut right = 0;
            for size in SIZES {
                let sent = message(client, size);
                let (mut writer, bytes) = (stream.try_clone().unwrap(), sent.clone());
                let write = greenwood::spawn(move || writer.write_all(&bytes).unwrap());
                let mut echo = vec![0; size];
                stream.read_exact(&mut echo).unwrap();
                write.join().unwrap();
                right += if echo == sent { size } else { 0 };
            }
            right
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let serve = |_| {
        let (mut stream, _) = listener.accept().unwrap();
        greenwood::spawn(move || {
            let mut buf = [0; 4096];
            while let n @ 1.. = stream.read(&mut buf).unwrap() {
                stream.write_all(&buf[..n]).unwrap();
            }
        })
    };
    let servers: Vec<_> = (0..CLIENTS).map(serve).collect();
    let right = clients.into_iter().map(|client| client.join().unwrap()).collect();
    servers.into_iter().for_each(|server| server.join().unwrap());
    right
}

async fn tokio() -> Vec<usize> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = |client| {
        tokio::spawn(async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            let mut right = 0;
            for size in SIZES {
                let sent = message(client, size);
                let bytes = sent.clone();
                let write = tokio::spawn(async move {
                    writer.write_all(&bytes).await.unwrap();
                    writer
                });
                let mut echo = vec![0; size];
                reader.read_exact(&mut echo).await.unwrap();
                writer = write.await.unwrap();
                right += if echo == sent { size } else { 0 };
            }
            right
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut servers = Vec::new();
    for _ in 0..CLIENTS {
        let (mut stream, _) = listener.accept().await.unwrap();
        servers.push(tokio::spawn(async move {
            let mut buf = [0; 4096];
            while let n @ 1.. = stream.read(&mut buf).await.unwrap() {
                stream.write_all(&buf[..n]).await.unwrap();
            }
        }));
    }
    let mut right = Vec::new();
    for client in clients {
        right.push(client.await.unwrap());
    }
    for server in servers {
        server.await.unwrap();
    }
    right
}
