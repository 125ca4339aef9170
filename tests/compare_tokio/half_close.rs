//! A client that closes its sending half, and reads an answer that takes all of its bytes into account.

use std::io::{Read, Write};
use std::net::Shutdown;

use greenwood::net::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

const SIZE: usize = 1 << 20;

#[test]
fn the_other_half_stays_open() {
    let answer = request().into_iter().rev().collect();
    compare((answer, SIZE), greenwood, tokio);
}

fn request() -> Vec<u8> {
    (0..SIZE).map(|i| (i % 251) as u8).collect()
}

fn greenwood() -> (Vec<u8>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let server = greenwood::spawn(move || {
        let mut bytes = Vec::new();
        let n = server.read_to_end(&mut bytes).unwrap();
        bytes.reverse();
        server.write_all(&bytes).unwrap();
        n
    });
    client.write_all(&request()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    (answer, server.join().unwrap())
}

async fn tokio() -> (Vec<u8>, usize) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let server = tokio::spawn(async move {
        let mut bytes = Vec::new();
        let n = server.read_to_end(&mut bytes).await.unwrap();
        bytes.reverse();
        server.write_all(&bytes).await.unwrap();
        n
    });
    client.write_all(&request()).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    (answer, server.await.unwrap())
}
