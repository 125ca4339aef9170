//! Connecting: refusal, several addresses, the errors of all of them.

mod common;

use common::*;
use greenwood_net::{Builder, SocketAddr, TcpListener, TcpStream};
use std::io::{ErrorKind, Read};

/// An address that refuses for as long as the socket, which has bound it and does not listen, is held.
fn refusing() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, addr)
}

/// An address that never answers while its full queue is held.
fn silent() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    let listener = Builder::new().backlog(0).listen("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&addr, std::time::Duration::from_millis(20)) {
        queue.push(stream);
    }
    (listener, queue, addr)
}

#[test]
fn one_address_refuses() {
    both(|| {
        let (_held, addr) = refusing();
        let error = TcpStream::connect(addr).unwrap_err();
        assert_eq!(
            (error.kind(), errno(&error)),
            (ErrorKind::ConnectionRefused, Some(libc::ECONNREFUSED))
        );
    });
}

#[test]
fn no_address_is_invalid() {
    both(|| {
        let none: &[SocketAddr] = &[];
        for error in
            [TcpStream::connect(none).unwrap_err(), Builder::new().connect(none).unwrap_err()]
        {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(
                error.to_string(),
                std::net::TcpStream::connect(none).unwrap_err().to_string()
            );
        }
        assert_eq!(TcpListener::bind(none).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(Builder::new().listen(none).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn the_first_address_that_answers_wins() {
    both(|| {
        let (_held, refuses) = refusing();
        let (_listener, _queue, never) = silent();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let answers = listener.local_addr().unwrap();
        for list in [[refuses, answers], [never, answers], [answers, refuses]] {
            let mut stream = TcpStream::connect(&list[..]).unwrap();
            assert_eq!(stream.peer_addr().unwrap(), answers);
            assert!(!is_nonblocking(&stream));
            let (server, _) = listener.accept().unwrap();
            write(&server, b"x");
            assert_eq!(stream.read(&mut [0; 4]).unwrap(), 1);
        }
    });
}

#[test]
fn if_all_fail_the_last_address_has_the_word() {
    both(|| {
        let (_held, refuses) = refusing();
        // Not on the loopback, and neither local nor routable: RFC 1122 forbids connecting to it.
        let impossible: SocketAddr = "255.255.255.255:9".parse().unwrap();
        for list in [[refuses, impossible], [impossible, refuses]] {
            let ours = TcpStream::connect(&list[..]).unwrap_err();
            let std = std::net::TcpStream::connect(&list[..]).unwrap_err();
            assert_eq!(errno(&ours), errno(&std));
        }
    });
}

#[test]
fn the_ipv6_loopback_connects_where_there_is_one() {
    both(|| {
        let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
        let six = listener.local_addr().unwrap();
        let four: SocketAddr = ([127, 0, 0, 1], six.port()).into();
        let stream = TcpStream::connect(&[four, six][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), six);
    });
}

#[test]
fn many_connect_at_once() {
    both(|| {
        let listener = Builder::new().backlog(512).listen("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let clients: Vec<_> =
            (0..100).map(|_| go(move || TcpStream::connect(addr).unwrap())).collect();
        let accepted: Vec<_> =
            listener.incoming().take(100).map(|stream| stream.unwrap()).collect();
        let connected: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        assert_eq!((accepted.len(), connected.len()), (100, 100));
    });
}
