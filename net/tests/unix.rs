//! Unix-domain sockets: streams, datagrams, abstract names, full queues.

mod common;

use common::*;
use greenwood_net::linux::SocketAddrExt;
use greenwood_net::unix::SocketAddr;
use greenwood_net::{Shutdown, UnixDatagram, UnixListener, UnixStream};
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A path that no other test uses; the file goes with it.
struct TempPath(PathBuf);

impl TempPath {
    fn new() -> TempPath {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("greenwood-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        TempPath(std::env::temp_dir().join(name))
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn streams_meet_at_a_path() {
    both(|| {
        let path = TempPath::new();
        let listener = UnixListener::bind(&path.0).unwrap();
        let to = path.0.clone();
        let client = go(move || {
            greenwood_runtime::sleep(Duration::from_millis(5));
            let stream = UnixStream::connect(&to).unwrap();
            write(&stream, b"hello");
            stream.peer_addr().unwrap().as_pathname().unwrap() == to
        });
        let (server, from) = listener.accept().unwrap();
        assert!(from.is_unnamed());
        assert_eq!(read_all(&server), b"hello");
        assert!(client.join());
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path.0));
    });
}

#[test]
fn abstract_names_need_no_file() {
    both(|| {
        let path = TempPath::new();
        let name = path.0.to_str().unwrap().as_bytes();
        let addr = SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        let client = UnixStream::connect_addr(&addr).unwrap();
        let (mut server, _) =
            (&listener).into_iter().next().map(|stream| (stream.unwrap(), ())).unwrap();
        write(&client, b"x");
        assert_eq!(server.read(&mut [0; 4]).unwrap(), 1);
        assert_eq!(client.peer_addr().unwrap().as_abstract_name(), Some(name));
        assert!(!path.0.exists());
    });
}

#[test]
fn connect_waits_for_a_place_in_the_backlog() {
    both(|| {
        let path = TempPath::new();
        let raw = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        raw.bind(&socket2::SockAddr::unix(&path.0).unwrap()).unwrap();
        raw.listen(0).unwrap();
        let listener = UnixListener::from(std::os::fd::OwnedFd::from(raw));
        let to = path.0.clone();
        let clients = go(move || {
            let connect = |_| {
                let to = to.clone();
                go(move || UnixStream::connect(&to).map(|stream| write(&stream, b"x")))
            };
            let all: Vec<_> = (0..5).map(connect).collect();
            all.into_iter().for_each(|client| client.join().unwrap());
        });
        for stream in listener.incoming().take(5) {
            assert_eq!(read_all(&stream.unwrap()), b"x");
        }
        clients.join();
    });
}

#[test]
fn a_stream_pair_takes_more_than_it_buffers() {
    both(|| {
        let (mut a, b) = UnixStream::pair().unwrap();
        let reader = go(move || read_all(&b).len());
        let bytes = vec![1; 4 << 20];
        assert_eq!(a.write(&bytes).unwrap(), bytes.len());
        a.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.join(), bytes.len());
        assert_eq!(a.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn connect_errors_are_std_s() {
    both(|| {
        let path = TempPath::new();
        assert_eq!(UnixStream::connect(&path.0).unwrap_err().kind(), ErrorKind::NotFound);
        drop(UnixListener::bind(&path.0).unwrap());
        assert_eq!(UnixStream::connect(&path.0).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(UnixListener::bind(&path.0).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(
            UnixStream::connect("x".repeat(108)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(UnixStream::connect("a\0b").unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn datagrams_carry_their_senders_path() {
    both(|| {
        let (mine, other) = (TempPath::new(), TempPath::new());
        let receiver = UnixDatagram::bind(&mine.0).unwrap();
        let named = UnixDatagram::bind(&other.0).unwrap();
        named.send_to(b"named", &mine.0).unwrap();
        let mut buf = [0; 16];
        let (n, from) = receiver.recv_from(&mut buf).unwrap();
        assert_eq!((n, from.as_pathname()), (5, Some(&*other.0)));
        let unnamed = UnixDatagram::unbound().unwrap();
        unnamed.connect(&mine.0).unwrap();
        unnamed.send(b"").unwrap();
        let (n, from) = receiver.recv_from(&mut buf).unwrap();
        assert!(n == 0 && from.is_unnamed());
    });
}

#[test]
fn datagrams_go_to_abstract_addresses() {
    both(|| {
        let path = TempPath::new();
        let name = path.0.to_str().unwrap().as_bytes();
        let addr = SocketAddr::from_abstract_name(name).unwrap();
        let receiver = UnixDatagram::bind_addr(&addr).unwrap();
        UnixDatagram::unbound().unwrap().send_to_addr(b"one", &addr).unwrap();
        let connected = UnixDatagram::unbound().unwrap();
        connected.connect_addr(&addr).unwrap();
        connected.send(b"three").unwrap();
        assert_eq!(receiver.recv(&mut [0; 16]).unwrap(), 3);
        assert_eq!(receiver.recv(&mut [0; 16]).unwrap(), 5);
    });
}

/// More than any queue holds by default (`net.unix.max_dgram_qlen`).
const MANY: usize = 2000;

#[test]
fn senders_wait_for_a_full_queue() {
    both(|| {
        for connected in [false, true] {
            let path = TempPath::new();
            let receiver = UnixDatagram::bind(&path.0).unwrap();
            let to = path.0.clone();
            let sender = go(move || {
                let sender = UnixDatagram::unbound().unwrap();
                if connected {
                    sender.connect(&to).unwrap();
                    (0..MANY).for_each(|_| assert_eq!(sender.send(b"x").unwrap(), 1));
                } else {
                    (0..MANY).for_each(|_| assert_eq!(sender.send_to(b"x", &to).unwrap(), 1));
                }
            });
            for _ in 0..MANY {
                assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 1);
            }
            sender.join();
        }
    });
}

#[test]
fn a_full_queue_times_out() {
    both(|| {
        let path = TempPath::new();
        let _receiver = UnixDatagram::bind(&path.0).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        let error = (0..MANY).find_map(|_| sender.send_to(b"x", &path.0).err()).unwrap();
        assert_eq!((error.kind(), errno(&error)), (ErrorKind::WouldBlock, Some(libc::EAGAIN)));
    });
}

#[test]
fn shutdown_ends_a_datagram_receivers_wait() {
    both(|| {
        let (waiting, sender) = UnixDatagram::pair().unwrap();
        let clone = waiting.try_clone().unwrap();
        let receiver =
            go(move || (clone.recv(&mut [0; 4]).unwrap(), clone.recv_from(&mut [0; 4]).unwrap().0));
        waiting.shutdown(Shutdown::Read).unwrap();
        assert_eq!(receiver.join(), (0, 0));
        assert_eq!(sender.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}
