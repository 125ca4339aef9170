//! Cancelling a coroutine that waits in a call of this crate: the call returns ECANCELED.

mod common;

use common::*;
use greenwood_net::{TcpListener, UdpSocket, UnixDatagram};
use std::io::{self, Read, Write};
use std::time::Duration;

/// Starts `call` on a coroutine, cancels that while it waits, and returns the error's number.
fn cancelled<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Option<i32> {
    let coroutine = greenwood_runtime::spawn(move || call().map(|_| ()));
    greenwood_runtime::sleep(Duration::from_millis(10));
    coroutine.cancel();
    errno(
        &coroutine.join().expect("an I/O call does not unwind").expect_err("nothing could arrive"),
    )
}

#[test]
fn waiting_calls_return_ecanceled() {
    both(|| {
        if !greenwood_runtime::may_switch() {
            return; // Only coroutines can be cancelled.
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(cancelled(move || listener.accept()), Some(libc::ECANCELED));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(cancelled(move || udp.recv_from(&mut [0; 4])), Some(libc::ECANCELED));
        let (mut client, server) = tcp_pair();
        assert_eq!(cancelled(move || client.read(&mut [0; 4])), Some(libc::ECANCELED));
        // A write that has begun reports the cancellation, not the bytes: the connection is of no use any more.
        let (_client, mut server) = (server, tcp_pair());
        assert_eq!(cancelled(move || server.0.write(&vec![0; 64 << 20])), Some(libc::ECANCELED));
    });
}

#[test]
fn waiting_for_a_peers_queue_is_cancelled_too() {
    both(|| {
        if !greenwood_runtime::may_switch() {
            return; // Only coroutines can be cancelled.
        }
        let path = std::env::temp_dir().join(format!("greenwood-cancel-{}", std::process::id()));
        let _full = UnixDatagram::bind(&path).unwrap();
        let to = path.clone();
        let error = cancelled(move || -> io::Result<()> {
            let sender = UnixDatagram::unbound()?;
            loop {
                sender.send_to(b"x", &to)?;
            }
        });
        std::fs::remove_file(&path).unwrap();
        assert_eq!(error, Some(libc::ECANCELED));
    });
}
