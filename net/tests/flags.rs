//! The descriptor's flags stay as the user set them, through waits, clones and conversions.

mod common;

use common::*;
use greenwood_net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

#[test]
fn waiting_streams_stay_blocking() {
    both(|| {
        let (client, mut server) = tcp_pair();
        let peer = go(move || {
            greenwood_runtime::sleep(Duration::from_millis(5));
            write(&client, b"x");
            client
        });
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
        let client = peer.join();
        assert!(!is_nonblocking(&server) && !is_nonblocking(&client));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        udp.recv(&mut [0]).unwrap_err();
        assert!(!is_nonblocking(&udp));
    });
}

#[test]
fn nonblocking_is_the_users_and_shared_by_clones() {
    both(|| {
        let (mut client, _server) = tcp_pair();
        let clone = client.try_clone().unwrap();
        clone.set_nonblocking(true).unwrap();
        assert!(is_nonblocking(&client));
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        client.set_nonblocking(false).unwrap();
        assert!(!is_nonblocking(&clone));
        clone.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn nonblocking_calls_return_at_once() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let (mut stream, _other) = UnixStream::pair().unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut sent = 0;
        let error = loop {
            match stream.write(&[0; 4096]) {
                Ok(n) => sent += n,
                Err(error) => break error,
            }
        };
        assert!(sent > 0);
        assert_eq!(errno(&error), Some(libc::EAGAIN));
        let (datagram, _other) = UnixDatagram::pair().unwrap();
        datagram.set_nonblocking(true).unwrap();
        assert_eq!(datagram.recv_from(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn a_nonblocking_socket_from_std_stays_so() {
    both(|| {
        let std = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        std.set_nonblocking(true).unwrap();
        let ours = UdpSocket::from(std);
        assert_eq!(ours.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(is_nonblocking(&std::net::UdpSocket::from(ours)));
    });
}

#[test]
fn a_listener_goes_back_to_std_as_it_came() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(!is_nonblocking(&accepted));
        let clone = listener.try_clone().unwrap();
        drop(clone);
        assert!(!is_nonblocking(&std::net::TcpListener::from(listener)));
        drop(client);
    });
}

#[test]
fn a_listener_that_coroutines_used_still_blocks_a_thread() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    watched("a listener on both", || {
        greenwood_runtime::run(|| {
            let _client = TcpStream::connect(addr).unwrap();
            listener.accept().unwrap();
        });
        let late = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            std::net::TcpStream::connect(addr).unwrap()
        });
        listener.accept().unwrap();
        late.join().unwrap();
        // And in the user's own non-blocking mode it does not.
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(is_nonblocking(&std::net::TcpListener::from(listener)));
    });
}

/// Takes a value through its raw and owned descriptors and back; the number must stay.
fn round_trip<T>(socket: T) -> T
where
    T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>,
{
    let number = socket.as_raw_fd();
    assert_eq!(socket.as_fd().as_raw_fd(), number);
    let raw = socket.into_raw_fd();
    assert_eq!(raw, number);
    // SAFETY: `into_raw_fd` has just given the descriptor up to us.
    let socket = unsafe { T::from_raw_fd(raw) };
    let owned: OwnedFd = socket.into();
    assert_eq!(owned.as_raw_fd(), number);
    T::from(owned)
}

#[test]
fn descriptors_survive_every_conversion() {
    both(|| {
        let (client, server) = tcp_pair();
        write(round_trip(client), b"over raw descriptors");
        assert_eq!(read_all(round_trip(server)), b"over raw descriptors");
        let listener = round_trip(TcpListener::bind("127.0.0.1:0").unwrap());
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.accept().unwrap();
        let udp = round_trip(UdpSocket::bind("127.0.0.1:0").unwrap());
        udp.send_to(b"x", udp.local_addr().unwrap()).unwrap();
        assert_eq!(udp.recv(&mut [0; 4]).unwrap(), 1);
        let (a, b) = UnixStream::pair().unwrap();
        write(round_trip(a), b"unix");
        assert_eq!(read_all(round_trip(b)), b"unix");
        let (a, b) = UnixDatagram::pair().unwrap();
        round_trip(a).send(b"dgram").unwrap();
        assert_eq!(round_trip(b).recv(&mut [0; 8]).unwrap(), 5);
    });
}

#[test]
fn accepted_and_made_descriptors_close_on_exec() {
    both(|| {
        let (client, server) = tcp_pair();
        let (unix, _) = UnixStream::pair().unwrap();
        for fd in [client.as_raw_fd(), server.as_raw_fd(), unix.as_raw_fd()] {
            // SAFETY: fcntl(F_GETFD) reads one flag of a descriptor that is open.
            let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        }
    });
}

#[test]
fn unix_listeners_convert_too() {
    both(|| {
        let dir = std::env::temp_dir().join(format!("greenwood-flags-{}", std::process::id()));
        let _ = std::fs::remove_file(&dir);
        let listener = round_trip(UnixListener::bind(&dir).unwrap());
        let _client = UnixStream::connect(&dir).unwrap();
        listener.accept().unwrap();
        assert!(!is_nonblocking(&std::os::unix::net::UnixListener::from(listener)));
        std::fs::remove_file(&dir).unwrap();
    });
}
