//! Names: what `localhost` is, and connecting by it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use greenwood::net::{TcpListener, TcpStream, dns};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::compare;

#[test]
fn localhost_is_the_same_host() {
    let addrs = "localhost:80".to_socket_addrs().unwrap().collect::<BTreeSet<_>>();
    compare((addrs, "by name".into(), true), greenwood, tokio);
}

/// The addresses, what was read over a connection by name, and whether a name that cannot be (RFC 6761) failed.
type Seen = (BTreeSet<SocketAddr>, String, bool);

fn greenwood() -> Seen {
    let patience = Duration::from_secs(60);
    let addrs = dns::lookup_host("localhost", 80, patience).unwrap().into_iter().collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = greenwood::spawn(move || {
        let mut text = String::new();
        TcpStream::connect(("localhost", port)).unwrap().read_to_string(&mut text).unwrap();
        text
    });
    listener.accept().unwrap().0.write_all(b"by name").unwrap();
    let failed = TcpStream::connect("name.invalid:80").is_err();
    (addrs, client.join().unwrap(), failed)
}

async fn tokio() -> Seen {
    let addrs = tokio::net::lookup_host("localhost:80").await.unwrap().collect();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = tokio::spawn(async move {
        let mut stream = tokio::net::TcpStream::connect(("localhost", port)).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    });
    listener.accept().await.unwrap().0.write_all(b"by name").await.unwrap();
    let failed = tokio::net::TcpStream::connect("name.invalid:80").await.is_err();
    (addrs, client.await.unwrap(), failed)
}
