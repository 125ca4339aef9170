//! UDP: unconnected and connected, peeking, truncation, empty datagrams, multicast.

mod common;

use common::*;
use greenwood_net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::io::ErrorKind;
use std::time::Duration;

fn pair() -> (UdpSocket, UdpSocket) {
    let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
    (bind(), bind())
}

#[test]
fn datagrams_carry_their_sender() {
    both(|| {
        let (a, b) = pair();
        let (from, to) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        let peer = go(move || {
            greenwood_runtime::sleep(Duration::from_millis(5));
            a.send_to(b"ping", to).unwrap();
            a
        });
        let mut buf = [0; 16];
        assert_eq!(b.peek_from(&mut buf).unwrap(), (4, from));
        assert_eq!(b.recv_from(&mut buf).unwrap(), (4, from));
        assert_eq!(&buf[..4], b"ping");
        peer.join();
    });
}

#[test]
fn connected_sockets_send_and_receive() {
    both(|| {
        let (a, b) = pair();
        a.connect(b.local_addr().unwrap()).unwrap();
        b.connect(a.local_addr().unwrap()).unwrap();
        assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
        assert_eq!(a.send(b"one").unwrap(), 3);
        assert_eq!(a.send(b"").unwrap(), 0);
        let mut buf = [0; 2];
        assert_eq!(b.peek(&mut buf).unwrap(), 2);
        assert_eq!(b.recv(&mut buf).unwrap(), 2, "the rest of the datagram is lost");
        assert_eq!(b.recv(&mut buf).unwrap(), 0, "an empty datagram is one");
    });
}

#[test]
fn a_refused_datagram_is_reported_to_the_next_call() {
    both(|| {
        let (a, b) = pair();
        a.connect(b.local_addr().unwrap()).unwrap();
        drop(b);
        a.send(b"into the void").unwrap();
        a.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(a.recv(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn several_coroutines_may_wait_on_one_socket() {
    both(|| {
        let (a, b) = pair();
        let to = b.local_addr().unwrap();
        let b = std::sync::Arc::new(b);
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                let b = std::sync::Arc::clone(&b);
                go(move || b.recv(&mut [0; 8]).unwrap())
            })
            .collect();
        for _ in 0..4 {
            a.send_to(b"x", to).unwrap();
        }
        assert!(waiting.into_iter().all(|peer| peer.join() == 1));
    });
}

#[test]
fn sending_wants_an_address() {
    both(|| {
        let (a, _) = pair();
        let none: &[SocketAddr] = &[];
        assert_eq!(a.send_to(b"x", none).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(a.connect(none).unwrap_err().kind(), ErrorKind::InvalidInput);
        let error = a.send(b"x").unwrap_err();
        assert_eq!(errno(&error), Some(libc::EDESTADDRREQ));
        let too_long = a.send_to(&[0; 70_000], a.local_addr().unwrap()).unwrap_err();
        assert_eq!(errno(&too_long), Some(libc::EMSGSIZE));
    });
}

#[test]
fn options_are_those_of_the_kernel() {
    both(|| {
        let (a, _) = pair();
        a.set_broadcast(true).unwrap();
        a.set_multicast_loop_v4(false).unwrap();
        a.set_multicast_ttl_v4(3).unwrap();
        a.set_ttl(9).unwrap();
        assert!(a.broadcast().unwrap() && !a.multicast_loop_v4().unwrap());
        assert_eq!((a.multicast_ttl_v4().unwrap(), a.ttl().unwrap()), (3, 9));
        assert!(a.take_error().unwrap().is_none());
    });
}

#[test]
fn multicast_comes_round_the_loopback() {
    both(|| {
        let group = Ipv4Addr::new(239, 255, 77, 88);
        let receiver = UdpSocket::bind("0.0.0.0:0").unwrap();
        receiver.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket2::SockRef::from(&sender).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        sender.send_to(b"all", (group, receiver.local_addr().unwrap().port())).unwrap();
        let mut buf = [0; 8];
        assert_eq!(receiver.recv_from(&mut buf).unwrap(), (3, sender.local_addr().unwrap()));
        receiver.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        let again = receiver.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn ipv6_works_where_the_host_has_it() {
    both(|| {
        let Ok(a) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
        let to = a.local_addr().unwrap();
        a.send_to(b"six", to).unwrap();
        assert_eq!(a.recv_from(&mut [0; 8]).unwrap(), (3, to));
        a.set_multicast_loop_v6(false).unwrap();
        assert!(!a.multicast_loop_v6().unwrap());
    });
}
