//! `close` on a listener that others accept on.

mod common;

use common::*;
use greenwood_net::linux::SocketAddrExt;
use greenwood_net::{TcpListener, TcpStream, UnixListener};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_closed_listener_accepts_nothing_more() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _waiting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.close();
        assert_eq!(errno(&listener.accept().unwrap_err()), Some(libc::EBADF));
        assert!(listener.incoming().next().is_none());
        // The descriptor is open until the drop: its number must not be reused while others hold the listener.
        assert!(listener.local_addr().is_ok());
    });
}

#[test]
fn clones_go_on() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let clone = listener.try_clone().unwrap();
        listener.close();
        let _client = TcpStream::connect(clone.local_addr().unwrap()).unwrap();
        assert!(clone.accept().is_ok());
    });
}

/// Several coroutines wait in accept; closing ends all their loops.
#[test]
fn waiting_coroutines_are_woken() {
    both(|| {
        if !greenwood_runtime::may_switch() {
            return; // An OS thread stays in accept(2) until the next connection, as documented.
        }
        let tcp = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let name = format!("greenwood-close-{}", std::process::id());
        let addr = greenwood_net::unix::SocketAddr::from_abstract_name(name).unwrap();
        let unix = Arc::new(UnixListener::bind_addr(&addr).unwrap());
        let mut loops = Vec::new();
        for _ in 0..3 {
            let (tcp, unix) = (Arc::clone(&tcp), Arc::clone(&unix));
            loops.push(go(move || tcp.incoming().count()));
            loops.push(go(move || unix.incoming().count()));
        }
        greenwood_runtime::sleep(Duration::from_millis(10));
        tcp.close();
        unix.close();
        assert!(loops.into_iter().all(|accepted| accepted.join() == 0));
    });
}

#[test]
fn a_thread_in_accept_notices_with_the_next_connection() {
    watched("a thread in accept", || {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let addr = listener.local_addr().unwrap();
        let accepting = Arc::clone(&listener);
        let thread = std::thread::spawn(move || accepting.incoming().count());
        std::thread::sleep(Duration::from_millis(10));
        listener.close();
        let client = TcpStream::connect(addr).unwrap();
        assert_eq!(thread.join().unwrap(), 0);
        drop(client);
    });
}
