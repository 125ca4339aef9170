//! A call that waits lets others run: one worker, and a peer that can only answer while the caller waits.

mod common;

use common::*;
use greenwood_net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use std::io::Read;

/// Runs on a runtime with a single worker: a call that blocked it would never be answered.
fn on_one_worker(scenario: impl FnOnce() + Send) {
    let runtime = greenwood_runtime::Runtime::builder().workers(1).build().unwrap();
    watched("the only worker", || runtime.run(scenario));
}

#[test]
fn accept_connect_and_read_yield() {
    on_one_worker(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let client = greenwood_runtime::spawn(move || {
            let mut stream = TcpStream::connect(addr).unwrap();
            stream.read(&mut [0; 4]).unwrap()
        });
        let (server, _) = listener.accept().unwrap();
        write(&server, b"abc");
        assert_eq!(client.join().unwrap(), 3);
    });
}

#[test]
fn a_full_buffer_yields() {
    on_one_worker(|| {
        let (client, server) = tcp_pair();
        let reader = greenwood_runtime::spawn(move || read_all(&server).len());
        write(&client, &vec![0; 16 << 20]);
        drop(client);
        assert_eq!(reader.join().unwrap(), 16 << 20);
    });
}

#[test]
fn datagrams_and_unix_sockets_yield() {
    on_one_worker(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = udp.local_addr().unwrap();
        let (mut stream, other_stream) = UnixStream::pair().unwrap();
        let (datagram, other_datagram) = UnixDatagram::pair().unwrap();
        let peer = greenwood_runtime::spawn(move || {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", to).unwrap();
            write(&other_stream, b"x");
            other_datagram.send(b"x").unwrap();
            (other_stream, other_datagram)
        });
        assert_eq!(datagram.recv(&mut [0; 4]).unwrap(), 1);
        assert_eq!(stream.read(&mut [0; 4]).unwrap(), 1);
        assert_eq!(udp.recv(&mut [0; 4]).unwrap(), 1);
        peer.join().unwrap();
    });
}

#[test]
fn a_coroutine_that_is_always_served_does_not_starve_others() {
    on_one_worker(|| {
        let (a, b) = UnixDatagram::pair().unwrap();
        let (done, end) = UnixStream::pair().unwrap();
        let other = greenwood_runtime::spawn(move || drop(done));
        end.set_nonblocking(true).unwrap();
        // Each of these calls succeeds at once; the other coroutine still gets its turn.
        while (&end).read(&mut [0]).is_err() {
            a.send(b"x").unwrap();
            b.recv(&mut [0; 4]).unwrap();
        }
        other.join().unwrap();
    });
}
