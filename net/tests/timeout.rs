//! `timeout` around calls of this crate: each fails with `TimedOut` once, and the next wait unwinds.

mod common;

use common::*;
use greenwood_net::{
    Builder, SocketAddr, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
    fs, process,
};
use greenwood_runtime::{CancelToken, Cancelled, Elapsed, may_switch, sleep, timeout};
use std::fmt::Debug;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(3600);

/// Calls `call` twice within a time-out.
#[track_caller]
fn fails_once<T: Debug>(mut call: impl FnMut() -> io::Result<T>) {
    let mut calls = 0;
    let result = timeout(SHORT, || {
        let error = call().unwrap_err();
        assert_eq!((error.kind(), errno(&error)), (ErrorKind::TimedOut, Some(libc::ETIMEDOUT)));
        calls += 1;
        let again = call();
        unreachable!("a second call returned {again:?}");
    });
    assert!(matches!(result, Err(Elapsed)));
    assert_eq!(calls, 1);
}

/// A listener whose queue is full, so that connecting to it never ends, and what fills it.
fn silent() -> (TcpListener, Vec<socket2::Socket>, SocketAddr) {
    let listener = Builder::new().backlog(0).listen("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let fill = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&addr.into());
        socket
    };
    let held = (0..4).map(|_| fill()).collect();
    (listener, held, addr)
}

#[test]
fn reads() {
    both(|| {
        let (mut client, _server) = tcp_pair();
        fails_once(|| client.read(&mut [0; 4]));
        fails_once(|| client.read_vectored(&mut [IoSliceMut::new(&mut [0; 4])]));
        fails_once(|| client.peek(&mut [0; 4]));
        fails_once(|| client.read_to_end(&mut Vec::new()));
        let (mut stream, _other) = UnixStream::pair().unwrap();
        fails_once(|| stream.read(&mut [0; 4]));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        fails_once(|| udp.recv_from(&mut [0; 4]));
        fails_once(|| udp.peek_from(&mut [0; 4]));
        udp.connect(udp.local_addr().unwrap()).unwrap();
        fails_once(|| udp.recv(&mut [0; 4]));
        let (datagram, _other) = UnixDatagram::pair().unwrap();
        fails_once(|| datagram.recv(&mut [0; 4]));
        fails_once(|| datagram.recv_from(&mut [0; 4]));
    });
}

#[test]
fn writes() {
    both(|| {
        let bytes = vec![0; 16 << 20];
        let (mut client, _server) = tcp_pair();
        fails_once(|| client.write_all(&bytes));
        fails_once(|| client.write_vectored(&[IoSlice::new(&bytes)]));
        let (mut stream, _other) = UnixStream::pair().unwrap();
        fails_once(|| stream.write_all(&bytes));
        let (datagram, _other) = UnixDatagram::pair().unwrap();
        fails_once(|| -> io::Result<()> {
            loop {
                datagram.send(b"x")?;
            }
        });
    });
}

/// The loops that look again and again, as no readiness tells.
#[test]
fn full_queues_of_unix_peers() {
    both(|| {
        let path = |what| {
            let kind = if may_switch() { "coroutine" } else { "thread" };
            std::env::temp_dir().join(format!("gw-{what}-{kind}-{}", std::process::id()))
        };
        let (to, at) = (path("datagram"), path("listener"));
        let _full = UnixDatagram::bind(&to).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        fails_once(|| -> io::Result<()> {
            loop {
                sender.send_to(b"x", &to)?;
            }
        });
        let listener = UnixListener::bind(&at).unwrap();
        fails_once(|| listener.accept());
        socket2::SockRef::from(&listener).listen(0).unwrap();
        let mut held = Vec::new();
        fails_once(|| -> io::Result<()> {
            loop {
                held.push(UnixStream::connect(&at)?);
            }
        });
        std::fs::remove_file(to).unwrap();
        std::fs::remove_file(at).unwrap();
    });
}

#[test]
fn accept() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        fails_once(|| listener.accept());
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        assert!(!is_nonblocking(&server));
        fails_once(|| server.read(&mut [0]));
    });
}

#[test]
fn connect() {
    both(|| {
        let (_listener, _held, addr) = silent();
        fails_once(|| TcpStream::connect(addr));
        fails_once(|| TcpStream::connect_timeout(&addr, LONG));
        fails_once(|| Builder::new().nodelay(true).connect(addr));
    });
}

/// The race must not take it for a failed attempt: one of the addresses would accept.
#[test]
fn connect_to_one_of_several() {
    both(|| {
        let (_listener, _held, addr) = silent();
        let (_listener2, _held2, other) = silent();
        fails_once(|| TcpStream::connect(&[addr, other][..]));
        let accepts = TcpListener::bind("127.0.0.1:0").unwrap();
        let accepting = accepts.local_addr().unwrap();
        // Ends before the third attempt is due, 500 ms from the start.
        let result = timeout(SHORT, || {
            TcpStream::connect(&[addr, other, accepting][..]).unwrap_err().kind()
        });
        assert_eq!(result, Ok(ErrorKind::TimedOut));
        accepts.set_nonblocking(true).unwrap();
        assert_eq!(accepts.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        // With time enough it gets there.
        let stream = timeout(LONG, || TcpStream::connect(&[addr, accepting][..])).unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), accepting);
    });
}

#[test]
fn children() {
    both(|| {
        let mut child = Command::new("sleep").arg("1000").stdout(Stdio::null()).spawn().unwrap();
        fails_once(|| process::wait(&mut child));
        fails_once(|| process::wait_timeout(&mut child, LONG));
        let none = timeout(LONG, || process::wait_timeout(&mut child, SHORT)).unwrap().unwrap();
        assert!(none.is_none(), "its own time-out is no error");
        child.kill().unwrap();
        assert!(!process::wait(&mut child).unwrap().success());
        fails_once(|| process::output(Command::new("sleep").arg("1000")));
        fails_once(|| process::status(Command::new("sleep").arg("1000")));
    });
}

/// On a thread they block in the kernel, which has no way to stop them.
#[test]
fn files() {
    let path = std::env::temp_dir().join(format!("gw-fifo-{}", std::process::id()));
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let in_time = timeout(LONG, || fs::metadata(&path).is_ok());
    assert_eq!(in_time, Ok(true));
    watched("a coroutine", || {
        greenwood_runtime::run(|| {
            // Opening it waits for a writer.
            fails_once(|| fs::read(&path));
            // Lets both readers go.
            drop(std::fs::OpenOptions::new().write(true).open(&path).unwrap());
        });
    });
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_look_up() {
    both(|| {
        // Which of them comes first is up to the system.
        let result = timeout(Duration::ZERO, || TcpListener::bind("localhost:0").map(drop));
        assert!(
            matches!(result, Ok(Ok(())))
                || matches!(&result, Ok(Err(e)) if errno(e) == Some(libc::ETIMEDOUT))
        );
    });
}

#[test]
fn a_sockets_own_timeout_stays_its_own() {
    both(|| {
        let (mut client, _server) = tcp_pair();
        client.set_read_timeout(Some(SHORT)).unwrap();
        let kinds = timeout(LONG, || {
            [0, 1].map(|_| {
                let error = client.read(&mut [0]).unwrap_err();
                (error.kind(), errno(&error))
            })
        });
        assert_eq!(kinds, Ok([(ErrorKind::WouldBlock, Some(libc::EAGAIN)); 2]));
        client.set_write_timeout(Some(SHORT)).unwrap();
        let bytes = vec![0; 16 << 20];
        let sent = timeout(LONG, || client.write(&bytes).unwrap()).unwrap();
        assert!(0 < sent && sent < bytes.len());
        // The other way round, the time-out around is the shorter one.
        client.set_read_timeout(Some(LONG)).unwrap();
        fails_once(|| client.read(&mut [0]));
    });
}

#[test]
fn what_is_ready_is_no_wait() {
    both(|| {
        let (mut client, mut server) = tcp_pair();
        server.write_all(b"here").unwrap();
        arrived(&client);
        let result = timeout(Duration::ZERO, || {
            sleep(Duration::ZERO);
            client.read(&mut [0; 4]).unwrap()
        });
        assert_eq!(result, Ok(4));
    });
}

/// The socket is as good as before, if no write was cut short.
#[test]
fn the_socket_outlives_it() {
    both(|| {
        let (mut client, mut server) = tcp_pair();
        fails_once(|| client.read(&mut [0; 4]));
        server.write_all(b"late").unwrap();
        assert_eq!(client.read(&mut [0; 4]).unwrap(), 4);
        assert!(!is_nonblocking(&client));
        assert_eq!(client.read_timeout().unwrap(), None);
    });
}

#[test]
fn a_token_that_was_cancelled_before() {
    both(|| {
        let token = CancelToken::new();
        token.cancel();
        let (mut client, _server) = tcp_pair();
        let result = token.run(|| {
            let error = client.read(&mut [0]).unwrap_err();
            assert_eq!(errno(&error), Some(libc::ECANCELED));
            let _ = client.read(&mut [0]);
            unreachable!("the second wait unwinds");
        });
        assert!(matches!(result, Err(Cancelled)));
    });
}
