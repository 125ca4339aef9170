//! TCP connections: transfer, half-close, reset, peek, clones.

mod common;

use common::*;
use greenwood_net::{Shutdown, TcpListener, TcpStream};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::time::Duration;

#[test]
fn bytes_arrive_in_order() {
    both(|| {
        let (client, server) = tcp_pair();
        let sent: Vec<u8> = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
        let copy = sent.clone();
        let peer = go(move || {
            for chunk in copy.chunks(777) {
                write(&client, chunk);
            }
        });
        assert_eq!(read_all(&server), sent);
        peer.join();
    });
}

#[test]
fn one_write_takes_everything() {
    both(|| {
        let (mut client, server) = tcp_pair();
        let reader = go(move || read_all(&server).len());
        let bytes = vec![7; 8 << 20];
        assert_eq!(client.write(&bytes).unwrap(), bytes.len());
        let halves = bytes.split_at(1000);
        let n = client
            .write_vectored(&[IoSlice::new(halves.0), IoSlice::new(&[]), IoSlice::new(halves.1)])
            .unwrap();
        assert_eq!(n, bytes.len());
        drop(client);
        assert_eq!(reader.join(), 2 * bytes.len());
    });
}

#[test]
fn half_close_leaves_the_other_direction() {
    both(|| {
        let (client, server) = tcp_pair();
        let peer = go(move || {
            let request = read_all(&server);
            write(&server, &request);
        });
        write(&client, b"request");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&client), b"request");
        peer.join();
    });
}

#[test]
fn shutdown_wakes_a_reader() {
    both(|| {
        let (client, server) = tcp_pair();
        let clone = client.try_clone().unwrap();
        let reader = go(move || read_all(&clone).len());
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join(), 0);
        drop(server);
    });
}

#[test]
fn reset_by_peer_is_an_error_once_and_then_the_end() {
    both(|| {
        let (mut client, server) = tcp_pair();
        // Closing with unread bytes makes the kernel send a reset (RFC 2525, 2.17).
        write(&client, b"unread");
        arrived(&server);
        drop(server);
        assert_eq!(client.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_end_is_seen_after_a_short_read() {
    both(|| {
        let (client, mut server) = tcp_pair();
        let peer = go(move || {
            // So that the reader has waited once before bytes and end arrive together.
            greenwood_runtime::sleep(Duration::from_millis(5));
            write(&client, b"last words");
            drop(client);
        });
        let mut buf = [0; 64];
        let mut got = Vec::new();
        loop {
            match server.read(&mut buf).unwrap() {
                0 => break,
                n => got.extend_from_slice(&buf[..n]),
            }
        }
        assert_eq!(got, b"last words");
        peer.join();
    });
}

#[test]
fn peek_leaves_the_bytes() {
    both(|| {
        let (client, mut server) = tcp_pair();
        let peer = go(move || {
            write(&client, b"abc");
            client
        });
        let mut buf = [0; 2];
        assert_eq!(server.peek(&mut buf).unwrap(), 2);
        assert_eq!(server.peek(&mut buf).unwrap(), 2);
        let mut all = [0; 3];
        server.read_exact(&mut all).unwrap();
        assert_eq!((&buf, &all), (b"ab", b"abc"));
        peer.join();
    });
}

#[test]
fn vectored_reads_fill_the_slices_in_turn() {
    both(|| {
        let (client, mut server) = tcp_pair();
        let peer = go(move || {
            write(&client, b"abcdef");
            client
        });
        while server.peek(&mut [0; 6]).unwrap() < 6 {}
        let (mut a, mut b) = ([0; 2], [0; 8]);
        let n =
            server.read_vectored(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]).unwrap();
        assert_eq!((n, &a, &b[..4]), (6, b"ab", &b"cdef"[..]));
        peer.join();
    });
}

#[test]
fn more_slices_than_the_kernel_takes_are_no_error() {
    both(|| {
        let (mut client, server) = tcp_pair();
        let slices = vec![IoSlice::new(b"x"); 3000];
        let sent = client.write_vectored(&slices).unwrap();
        assert!(sent > 0);
        drop(client);
        assert_eq!(read_all(&server).len(), sent);
    });
}

#[test]
fn clones_are_one_connection() {
    both(|| {
        let (client, server) = tcp_pair();
        let clone = client.try_clone().unwrap();
        write(&client, b"a");
        write(&clone, b"b");
        drop((client, clone));
        assert_eq!(read_all(&server), b"ab");
    });
}

#[test]
fn both_directions_wait_at_once() {
    both(|| {
        let (client, server) = tcp_pair();
        let reader = client.try_clone().unwrap();
        let reading = go(move || read_all(&reader).len());
        let echo = go(move || {
            let mut buf = [0; 4096];
            loop {
                match (&server).read(&mut buf).unwrap() {
                    0 => break,
                    n => write(&server, &buf[..n]),
                }
            }
        });
        write(&client, &vec![1; 4 << 20]);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reading.join(), 4 << 20);
        echo.join();
    });
}

#[test]
fn options_are_those_of_the_kernel() {
    both(|| {
        let (client, server) = tcp_pair();
        client.set_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap() && !server.nodelay().unwrap());
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        assert!(client.take_error().unwrap().is_none());
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
    });
}

#[test]
fn incoming_yields_connections() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let clients =
            go(move || (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect::<Vec<_>>());
        assert_eq!(listener.incoming().take(3).filter(|stream| stream.is_ok()).count(), 3);
        assert_eq!(clients.join().len(), 3);
    });
}
