//! A read whose time runs out, and the connection's use after it.

use std::io::{self, Read, Write};
use std::time::Duration;

use greenwood::net::{TcpListener, TcpStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_read_that_timed_out_takes_nothing() {
    let expected = ["timed out", "timed out", "late"].map(String::from);
    compare(expected, greenwood, tokio);
}

/// Tokio's `Elapsed` and the error of a socket's read time-out, as std has it.
fn timed_out(result: io::Result<usize>) -> String {
    match result {
        Ok(n) => format!("{n} bytes"),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => "timed out".into(),
        Err(error) => error.to_string(),
    }
}

fn greenwood() -> [String; 3] {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.set_read_timeout(Some(SHORT)).unwrap();
    let mut buf = [0; 4];
    let first = timed_out(client.read(&mut buf));
    let second = timed_out(client.read(&mut buf));
    client.set_read_timeout(None).unwrap();
    let writer = greenwood::spawn(move || server.write_all(b"late").unwrap());
    client.read_exact(&mut buf).unwrap();
    writer.join().unwrap();
    [first, second, String::from_utf8_lossy(&buf).into()]
}

async fn tokio() -> [String; 3] {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut buf = [0; 4];
    let mut timeouts = [const { String::new() }; 2];
    for text in &mut timeouts {
        let elapsed = tokio::time::timeout(SHORT, client.read(&mut buf)).await;
        *text = timed_out(elapsed.unwrap_or(Err(io::ErrorKind::WouldBlock.into())));
    }
    let writer = tokio::spawn(async move { server.write_all(b"late").await.unwrap() });
    client.read_exact(&mut buf).await.unwrap();
    writer.await.unwrap();
    let [first, second] = timeouts;
    [first, second, String::from_utf8_lossy(&buf).into()]
}
