//! A peer that goes away with bytes unread, which TCP answers with a reset.

use std::io::{ErrorKind, Read, Write};

use greenwood::net::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

#[test]
fn a_waiting_read_ends_in_an_error_and_later_writes_fail() {
    let expected = (Err(ErrorKind::ConnectionReset), Err(ErrorKind::BrokenPipe));
    compare(expected, greenwood, tokio);
}

type Outcome = (Result<usize, ErrorKind>, Result<usize, ErrorKind>);

fn greenwood() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.write_all(b"never read").unwrap();
    let server = greenwood::spawn(move || {
        server.peek(&mut [0]).unwrap();
        drop(server);
    });
    let read = client.read(&mut [0; 8]).map_err(|error| error.kind());
    server.join().unwrap();
    (read, client.write(b"x").map_err(|error| error.kind()))
}

async fn tokio() -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    client.write_all(b"never read").await.unwrap();
    let server = tokio::spawn(async move {
        server.peek(&mut [0]).await.unwrap();
        drop(server);
    });
    let read = client.read(&mut [0; 8]).await.map_err(|error| error.kind());
    server.await.unwrap();
    (read, client.write(b"x").await.map_err(|error| error.kind()))
}
