//! `Builder`: each option reaches the kernel.

mod common;

use common::*;
use greenwood_net::{Builder, TcpListener};
use socket2::SockRef;
use std::time::Duration;

#[test]
fn the_default_is_std_s() {
    both(|| {
        let ours = Builder::new().listen("127.0.0.1:0").unwrap();
        let std = TcpListener::bind("127.0.0.1:0").unwrap();
        for listener in [&ours, &std] {
            assert!(SockRef::from(listener).reuse_address().unwrap());
            assert!(!SockRef::from(listener).reuse_port().unwrap());
            assert!(!is_nonblocking(listener));
        }
        let udp = Builder::new().bind_udp("127.0.0.1:0").unwrap();
        assert!(!SockRef::from(&udp).reuse_address().unwrap());
    });
}

#[test]
fn options_reach_listeners_and_what_they_accept() {
    both(|| {
        let builder = Builder::new()
            .nodelay(true)
            .ttl(33)
            .keepalive(Duration::from_secs(77))
            .recv_buffer_size(32 << 10);
        let listener = builder.listen("127.0.0.1:0").unwrap();
        let client =
            builder.send_buffer_size(48 << 10).connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        for stream in [&client, &server] {
            let socket = SockRef::from(stream);
            assert!(stream.nodelay().unwrap() && socket.keepalive().unwrap());
            assert_eq!(stream.ttl().unwrap(), 33);
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
            assert_eq!(socket.recv_buffer_size().unwrap(), 64 << 10);
        }
        assert_eq!(SockRef::from(&client).send_buffer_size().unwrap(), 96 << 10);
        assert!(!is_nonblocking(&client));
    });
}

#[test]
fn connect_binds_first() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let builder = Builder::new().local_addr(([127, 0, 0, 9], 0).into());
        let client = builder.connect(listener.local_addr().unwrap()).unwrap();
        let (_, from) = listener.accept().unwrap();
        assert_eq!(from, client.local_addr().unwrap());
        assert_eq!(from.ip(), std::net::Ipv4Addr::new(127, 0, 0, 9));
    });
}

#[test]
fn sockets_share_a_port_if_they_agree() {
    both(|| {
        let shared = Builder::new().reuse_port(true);
        let first = shared.bind_udp("127.0.0.1:0").unwrap();
        let second = shared.bind_udp(first.local_addr().unwrap()).unwrap();
        assert_eq!(first.local_addr().unwrap(), second.local_addr().unwrap());
        let error = Builder::new().bind_udp(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    });
}

#[test]
fn only_v6_decides_who_gets_ipv4() {
    both(|| {
        for only in [true, false] {
            let Ok(listener) = Builder::new().only_v6(only).listen("[::]:0") else { return };
            assert_eq!(SockRef::from(&listener).only_v6().unwrap(), only);
        }
        Builder::new().only_v6(true).listen("127.0.0.1:0").unwrap();
    });
}
