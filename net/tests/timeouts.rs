//! Time-outs: their errors, their scope, and what they leave behind.

mod common;

use common::*;
use greenwood_net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_read_that_times_out_would_block() {
    both(|| {
        let (mut client, server) = tcp_pair();
        client.set_read_timeout(Some(SHORT)).unwrap();
        for _ in 0..2 {
            let error = client.read(&mut [0]).unwrap_err();
            assert_eq!((error.kind(), errno(&error)), (ErrorKind::WouldBlock, Some(libc::EAGAIN)));
        }
        assert_eq!(client.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        write(&server, b"x");
        client.set_read_timeout(None).unwrap();
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn every_kind_of_socket_times_out() {
    both(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(udp.recv_from(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let (mut stream, _other) = UnixStream::pair().unwrap();
        stream.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let (datagram, _other) = UnixDatagram::pair().unwrap();
        datagram.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(datagram.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_write_that_times_out_reports_what_went() {
    both(|| {
        let (mut client, _server) = tcp_pair();
        client.set_write_timeout(Some(SHORT)).unwrap();
        let bytes = vec![0; 64 << 20];
        let sent = client.write(&bytes).unwrap();
        assert!(0 < sent && sent < bytes.len());
        // The kernel's buffers may take a little more still; then nothing goes any more.
        let error = loop {
            if let Err(error) = client.write(&bytes) {
                break error;
            }
        };
        assert_eq!((error.kind(), errno(&error)), (ErrorKind::WouldBlock, Some(libc::EAGAIN)));
    });
}

#[test]
fn clones_share_timeouts() {
    both(|| {
        let (client, _server) = tcp_pair();
        let mut clone = client.try_clone().unwrap();
        client.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(clone.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(clone.read_timeout().unwrap().unwrap() >= SHORT);
    });
}

#[test]
fn zero_is_no_timeout_and_changes_nothing() {
    both(|| {
        let (client, _server) = tcp_pair();
        client.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(
            client.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            client.set_write_timeout(Some(Duration::ZERO)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(client.read_timeout().unwrap(), Some(Duration::from_secs(3)));
        assert_eq!(client.write_timeout().unwrap(), None);
    });
}

#[test]
fn the_longest_timeout_is_accepted() {
    both(|| {
        let (mut client, server) = tcp_pair();
        client.set_read_timeout(Some(Duration::MAX)).unwrap();
        let peer = go(move || {
            write(&server, b"x");
            server
        });
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 1);
        peer.join();
    });
}

#[test]
fn sockets_from_std_bring_their_timeouts() {
    both(|| {
        let (client, _server) = tcp_pair();
        let client = std::net::TcpStream::from(client);
        client.set_read_timeout(Some(SHORT)).unwrap();
        let mut client = TcpStream::from(client);
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_listeners_timeout_holds_for_accept_and_what_it_accepts() {
    both(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket2::SockRef::from(&listener).set_read_timeout(Some(SHORT)).unwrap();
        let listener = TcpListener::from(listener);
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert!(server.read_timeout().unwrap().is_some(), "Linux copies the listener's time-outs");
        assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn connect_timeout_times_out_as_in_std() {
    both(|| {
        // A listener whose queue is full drops what comes.
        let listener = greenwood_net::Builder::new().backlog(0).listen("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut held = Vec::new();
        let error = loop {
            match TcpStream::connect_timeout(&addr, SHORT) {
                Ok(stream) => held.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::TimedOut, "connection timed out".into())
        );
        let error = TcpStream::connect_timeout(&addr, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn connect_timeout_connects() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = TcpStream::connect_timeout(&addr, Duration::MAX).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert!(!is_nonblocking(&stream));
        drop(listener);
        let error = TcpStream::connect_timeout(&addr, Duration::from_secs(30)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}
