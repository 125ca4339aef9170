//! The programs: each does one thing and returns what it saw. Compiled once with std's types, once with ours.

use super::net::*;
use std::fmt::Debug;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What a program saw, in order.
type Log = Vec<String>;

/// A result as a program can see it: the value, or everything about the error.
fn seen<T: Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?} {:?} {error}", error.kind(), error.raw_os_error()),
    }
}

/// The same for a result whose value cannot be compared.
fn outcome<T>(result: io::Result<T>) -> String {
    seen(result.map(|_| "done"))
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let module = module_path!().replace("::", "-");
    format!(
        "/tmp/greenwood-{module}-{what}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

pub fn binding() -> Log {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    let none: &[SocketAddr] = &[];
    vec![
        outcome(TcpListener::bind(taken)),
        outcome(TcpListener::bind(none)),
        outcome(TcpListener::bind(&[taken, "127.0.0.1:0".parse().unwrap()][..])),
        outcome(TcpListener::bind("192.0.2.1:0")),
        outcome(TcpListener::bind("nonsense")),
        outcome(TcpListener::bind("127.0.0.1:99999")),
        outcome(UdpSocket::bind(none)),
        outcome(UdpSocket::bind("192.0.2.1:0")),
        seen(held.take_error()),
        seen(held.ttl()),
        outcome(held.set_ttl(0)),
        seen(held.set_ttl(77).and_then(|()| held.ttl())),
    ]
}

pub fn connecting() -> Log {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    let stream = TcpStream::connect(open).unwrap();
    let mut log = vec![
        seen(stream.peer_addr().map(|peer| peer == open)),
        outcome(TcpStream::connect_timeout(&open, Duration::from_secs(9))),
        outcome(TcpStream::connect_timeout(&open, Duration::ZERO)),
        outcome(TcpStream::connect("255.255.255.255:1")),
        outcome(TcpStream::connect_timeout(
            &"255.255.255.255:1".parse().unwrap(),
            Duration::from_secs(9),
        )),
        outcome(TcpStream::connect(&[] as &[SocketAddr])),
        outcome(TcpStream::connect("nonsense")),
        outcome(TcpStream::connect(&[open][..])),
        outcome(TcpStream::connect((String::from("127.0.0.1"), open.port()))),
    ];
    drop(listener);
    log.push(outcome(TcpStream::connect(open)));
    log.push(outcome(TcpStream::connect_timeout(&open, Duration::from_secs(9))));
    log.push(outcome(TcpStream::connect(&[open, open][..])));
    log
}

pub fn tcp_transfer() -> Log {
    let (mut client, mut server) = pair();
    let mut log = vec![
        seen(client.write(b"hello ")),
        seen(client.write_vectored(&[IoSlice::new(b"vectored"), IoSlice::new(b" world")])),
    ];
    let mut all = [0; 20];
    log.push(outcome(server.read_exact(&mut all)));
    log.push(String::from_utf8_lossy(&all).into_owned());
    log.push(seen(server.write(b"abcdef")));
    while client.peek(&mut [0; 8]).unwrap() < 6 {}
    let mut buf = [0; 4];
    log.push(seen(client.peek(&mut buf)));
    let (mut a, mut b) = ([0; 1], [0; 2]);
    log.push(seen(client.read_vectored(&mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)])));
    log.push(seen((&client).read(&mut buf)));
    log.push(format!("{a:?} {b:?} {buf:?}"));
    log.push(seen(client.flush()));
    log
}

pub fn tcp_end() -> Log {
    let (client, mut server) = pair();
    (&client).write_all(b"tail").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    let mut log = vec![seen(server.read_to_string(&mut text)), text];
    log.push(seen(server.read(&mut [0; 4])));
    log.push(seen(server.peek(&mut [0; 4])));
    log.push(seen(server.read_vectored(&mut [IoSliceMut::new(&mut [0; 4])])));
    log.push(seen((&client).write(b"more")));
    log.push(seen((&client).write_vectored(&[IoSlice::new(b"more")])));
    log.push(seen(client.shutdown(Shutdown::Write)));
    log
}

pub fn tcp_reset() -> Log {
    let (mut client, server) = pair();
    client.write_all(b"unread").unwrap();
    server.peek(&mut [0]).unwrap();
    drop(server);
    let mut log = vec![seen(client.read(&mut [0; 4])), seen(client.read(&mut [0; 4]))];
    log.push(seen(client.write(b"x")));
    log.push(seen(client.take_error()));
    log.push(outcome(client.peer_addr()));
    log.push(outcome(client.shutdown(Shutdown::Both)));
    log
}

pub fn tcp_after_shutdown() -> Log {
    let (mut client, mut server) = pair();
    client.shutdown(Shutdown::Both).unwrap();
    vec![
        seen(client.read(&mut [0; 4])),
        seen(client.write(b"x")),
        seen(server.read(&mut [0; 4])),
        seen(client.peek(&mut [0; 4])),
        seen(client.shutdown(Shutdown::Both)),
    ]
}

pub fn tcp_options() -> Log {
    let (client, _server) = pair();
    vec![
        seen(client.nodelay()),
        seen(client.set_nodelay(true)),
        seen(client.nodelay()),
        seen(client.ttl()),
        outcome(client.set_ttl(300)),
        seen(client.set_ttl(3)),
        seen(client.ttl()),
        seen(client.take_error()),
        seen(client.read_timeout()),
        seen(client.write_timeout()),
    ]
}

pub fn empty_buffers() -> Log {
    let (mut client, mut server) = pair();
    let mut log = vec![
        seen(client.write(b"")),
        seen(client.write_vectored(&[])),
        seen(client.write_vectored(&[IoSlice::new(b"")])),
        seen(client.read_vectored(&mut [])),
        seen(client.read_vectored(&mut [IoSliceMut::new(&mut [])])),
    ];
    // Without bytes in the queue even an empty receive waits, on Linux.
    client.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    log.push(seen(client.read(&mut [])));
    log.push(seen(client.peek(&mut [])));
    server.write_all(b"x").unwrap();
    client.peek(&mut [0]).unwrap();
    log.push(seen(client.read(&mut [])));
    log.push(seen(client.read(&mut [0; 4])));
    client.shutdown(Shutdown::Write).unwrap();
    log.push(seen(client.write(b"")));
    log.push(seen(client.write_vectored(&[IoSlice::new(b"")])));
    log.push(seen(server.read(&mut [])));
    let (mut a, mut b) = UnixStream::pair().unwrap();
    a.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    log.push(seen(a.read(&mut [])));
    log.push(seen(b.write(b"")));
    drop(b);
    log.push(seen(a.read(&mut [])));
    log.push(seen(a.write(b"")));
    log
}

pub fn time_outs() -> Log {
    let short = Some(Duration::from_millis(8));
    let (mut client, _server) = pair();
    let mut log = vec![
        seen(client.set_read_timeout(Some(Duration::ZERO))),
        seen(client.set_write_timeout(Some(Duration::ZERO))),
        seen(client.set_read_timeout(short)),
        seen(client.set_write_timeout(Some(Duration::from_secs(2)))),
        seen(client.read_timeout()),
        seen(client.write_timeout()),
        seen(client.read(&mut [0; 4])),
        seen(client.peek(&mut [0; 4])),
        seen(client.read_vectored(&mut [IoSliceMut::new(&mut [0; 4])])),
        seen(client.read_to_end(&mut Vec::new())),
        seen(client.set_read_timeout(Some(Duration::MAX))),
        seen(client.set_read_timeout(None)),
        seen(client.read_timeout()),
    ];
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(short).unwrap();
    log.push(seen(udp.recv_from(&mut [0; 4])));
    log.push(seen(udp.peek_from(&mut [0; 4])));
    log.push(seen(udp.recv(&mut [0; 4])));
    let (datagram, _other) = UnixDatagram::pair().unwrap();
    datagram.set_read_timeout(short).unwrap();
    log.push(outcome(datagram.recv_from(&mut [0; 4])));
    datagram.set_write_timeout(short).unwrap();
    log.push(
        (0..5000)
            .find_map(|_| datagram.send(&[0; 100]).err())
            .map_or("none".into(), |e| seen::<()>(Err(e))),
    );
    log
}

pub fn non_blocking() -> Log {
    let (mut client, _server) = pair();
    client.set_nonblocking(true).unwrap();
    let mut log = vec![
        seen(client.read(&mut [0; 4])),
        seen(client.peek(&mut [0; 4])),
        seen(client.read(&mut [])),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    log.push(outcome(listener.accept()));
    log.push(format!("{:?}", listener.incoming().next().map(outcome)));
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_nonblocking(true).unwrap();
    log.push(seen(udp.recv_from(&mut [0; 4])));
    client.set_nonblocking(false).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    log.push(seen(client.read(&mut [0; 4])));
    log
}

pub fn clones() -> Log {
    let (client, mut server) = pair();
    let mut clone = client.try_clone().unwrap();
    clone.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let mut log =
        vec![seen(client.read_timeout().map(|t| t.is_some())), seen((&client).read(&mut [0; 4]))];
    client.shutdown(Shutdown::Write).unwrap();
    log.push(seen(clone.write(b"x")));
    drop(client);
    log.push(seen(server.read(&mut [0; 4])));
    log.push(seen(server.write(b"still open")));
    log
}

pub fn udp() -> Log {
    let a = UdpSocket::bind("127.0.0.1:0").unwrap();
    let b = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (from, to) = (a.local_addr().unwrap(), b.local_addr().unwrap());
    let mut buf = [0; 4];
    let mut log = vec![
        seen(a.peer_addr()),
        seen(a.send(b"x")),
        seen(a.send_to(b"x", &[] as &[SocketAddr])),
        seen(a.send_to(b"x", "[::1]:9")),
        seen(a.send_to(&[0; 70_000], to)),
        seen(a.send_to(b"", to)),
        seen(a.send_to(b"longer", to)),
        seen(b.recv_from(&mut buf).map(|(n, who)| (n, who == from))),
        seen(b.peek_from(&mut buf).map(|(n, who)| (n, who == from))),
        seen(b.recv_from(&mut []).map(|(n, who)| (n, who == from))),
        seen(a.connect(to)),
        seen(a.peer_addr().map(|peer| peer == to)),
        seen(a.connect(&[] as &[SocketAddr])),
    ];
    drop(b);
    a.send(b"refused").unwrap();
    log.push(seen(a.recv(&mut buf)));
    log
}

pub fn udp_options() -> Log {
    let a = UdpSocket::bind("127.0.0.1:0").unwrap();
    let group = Ipv4Addr::new(239, 1, 2, 3);
    vec![
        seen(a.broadcast()),
        seen(a.set_broadcast(true)),
        seen(a.broadcast()),
        seen(a.multicast_loop_v4()),
        seen(a.multicast_ttl_v4()),
        seen(a.set_multicast_ttl_v4(256)),
        seen(a.set_multicast_loop_v6(true)),
        seen(a.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::LOCALHOST)),
        seen(a.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)),
        seen(a.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)),
        seen(a.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)),
        seen(a.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)),
        seen(a.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0)),
        seen(a.leave_multicast_v6(&Ipv6Addr::LOCALHOST, 0)),
        seen(a.ttl()),
        seen(a.set_ttl(1).and_then(|()| a.ttl())),
    ]
}

pub fn unix_streams() -> Log {
    let path = unique("stream");
    let mut log = vec![
        outcome(UnixStream::connect("/nonexistent/greenwood")),
        outcome(UnixStream::connect("x".repeat(200))),
    ];
    let listener = UnixListener::bind(&path).unwrap();
    log.push(outcome(UnixListener::bind(&path)));
    let mut client = UnixStream::connect(&path).unwrap();
    let (mut server, from) = listener.accept().unwrap();
    log.push(format!("{from:?}"));
    log.push(seen(client.peer_addr().map(|peer| peer.as_pathname() == Some(path.as_ref()))));
    log.push(seen(client.write(b"hello")));
    log.push(seen(server.read(&mut [0; 16])));
    // A stream does not read past the place where the sender's ancillary data changes; without any it does.
    client.write_all(b"a").unwrap();
    client.write_all(b"b").unwrap();
    log.push(seen(server.read(&mut [0; 16])));
    client.shutdown(Shutdown::Write).unwrap();
    log.push(seen(server.read(&mut [0; 16])));
    drop(server);
    log.push(seen(client.read(&mut [0; 16])));
    log.push(seen(client.write(b"x")));
    drop(listener);
    log.push(outcome(UnixStream::connect(&path)));
    log.push(format!("{:?}", UnixStream::connect(&path).is_err()));
    std::fs::remove_file(&path).unwrap();
    log
}

pub fn unix_datagrams() -> Log {
    let path = unique("datagram");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    let mut buf = [0; 4];
    let mut log = vec![
        seen(sender.send(b"x")),
        seen(sender.send_to(b"x", "/nonexistent/greenwood")),
        seen(sender.send_to(b"x", "nul\0nul")),
        seen(sender.send_to(b"longer", &path)),
        seen(receiver.recv_from(&mut buf)),
        seen(sender.connect(&path)),
        seen(sender.send(b"")),
        seen(receiver.recv(&mut buf)),
        seen(sender.peer_addr().map(|peer| peer.as_pathname() == Some(path.as_ref()))),
        seen(receiver.peer_addr()),
        seen(sender.local_addr()),
        seen(receiver.shutdown(Shutdown::Read)),
        seen(receiver.recv(&mut buf)),
        seen(receiver.recv_from(&mut buf)),
        seen(sender.send(b"after")),
    ];
    drop(receiver);
    log.push(seen(sender.send(b"x")));
    log.push(seen(sender.send_to(b"x", &path)));
    std::fs::remove_file(&path).unwrap();
    log
}

pub fn unix_addresses() -> Log {
    let name = unique("abstract");
    let short = name.rsplit_once('-').unwrap().0.len();
    let addr = UnixAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&addr).unwrap();
    let client = UnixStream::connect_addr(&addr).unwrap();
    let (server, _) = listener.accept().unwrap();
    let receiver =
        UnixDatagram::bind_addr(&UnixAddr::from_abstract_name(format!("{name}d")).unwrap())
            .unwrap();
    let sender =
        UnixDatagram::bind_addr(&UnixAddr::from_abstract_name(b"\0greenwood-sender\0").unwrap());
    let unnamed = UnixAddr::from_pathname("").unwrap();
    let mut log = vec![
        seen(client.peer_addr().map(|peer| peer.as_abstract_name() == Some(name.as_bytes()))),
        seen(server.peer_addr()),
        seen(client.local_addr()),
        outcome(UnixStream::connect_addr(&unnamed)),
        outcome(UnixDatagram::unbound().unwrap().send_to_addr(b"x", &unnamed)),
        outcome(UnixStream::connect_addr(&UnixAddr::from_abstract_name(&name[..short]).unwrap())),
    ];
    if let Ok(sender) = sender {
        log.push(seen(sender.send_to_addr(b"x", &receiver.local_addr().unwrap())));
        log.push(seen(receiver.recv_from(&mut [0; 4])));
    }
    log
}

/// Descriptors that are not what the type says: a pipe, a file, another family.
pub fn wrong_descriptors() -> Log {
    let (reader, _writer) = io::pipe().unwrap();
    let mut pipe = TcpStream::from(OwnedFd::from(reader));
    let file = UdpSocket::from(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
    let unix = TcpListener::from(OwnedFd::from(
        UnixListener::bind_addr(&UnixAddr::from_abstract_name(unique("wrong")).unwrap()).unwrap(),
    ));
    let stream = TcpListener::from(OwnedFd::from(pair().0));
    let (datagram, _other) = UnixDatagram::pair().unwrap();
    datagram.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let mut as_stream = UnixStream::from(OwnedFd::from(datagram));
    vec![
        seen(pipe.read(&mut [0; 4])),
        seen(pipe.write(b"x")),
        seen(pipe.peer_addr()),
        seen(pipe.set_read_timeout(Some(Duration::from_secs(1)))),
        seen(file.recv_from(&mut [0; 4])),
        seen(file.send(b"x")),
        seen(unix.local_addr()),
        outcome(stream.accept()),
        seen(as_stream.read(&mut [0; 4])),
    ]
}

pub fn debug_texts() -> Log {
    // Without what differs between two runs: descriptors and ports.
    let stable = |text: String| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let (client, _server) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (unix, _other) = UnixStream::pair().unwrap();
    let (datagram, _other) = UnixDatagram::pair().unwrap();
    let unix_listener =
        UnixListener::bind_addr(&UnixAddr::from_abstract_name("greenwood-debug").unwrap());
    let fd = client.as_raw_fd().to_string();
    vec![
        format!("{}", format!("{client:?}").contains(&fd)),
        stable(format!("{client:?}")),
        stable(format!("{client:#?}")),
        stable(format!("{listener:?}")),
        stable(format!("{:?}", listener.incoming())),
        stable(format!("{:?}", UdpSocket::bind("127.0.0.1:0").unwrap())),
        stable(format!("{unix:?}")),
        stable(format!("{datagram:?}")),
        unix_listener.map_or_else(
            |_| String::new(),
            |listener| stable(format!("{listener:?} {:?}", listener.incoming())),
        ),
    ]
}

pub fn addresses() -> Log {
    let list = |result: io::Result<Vec<SocketAddr>>| seen(result);
    let four = Ipv4Addr::new(1, 2, 3, 4);
    let six = Ipv6Addr::LOCALHOST;
    let one = SocketAddr::from((four, 5));
    let all = |addrs: &dyn Fn() -> io::Result<Vec<SocketAddr>>| list(addrs());
    vec![
        all(&|| Ok(one.to_socket_addrs()?.collect())),
        all(&|| Ok((four, 5).to_socket_addrs()?.collect())),
        all(&|| Ok((six, 5).to_socket_addrs()?.collect())),
        all(&|| Ok((IpAddr::V4(four), 5).to_socket_addrs()?.collect())),
        all(&|| Ok(SocketAddrV4::new(four, 5).to_socket_addrs()?.collect())),
        all(&|| Ok(SocketAddrV6::new(six, 5, 6, 7).to_socket_addrs()?.collect())),
        all(&|| Ok("1.2.3.4:5".to_socket_addrs()?.collect())),
        all(&|| Ok(String::from("[::1%7]:5").to_socket_addrs()?.collect())),
        all(&|| Ok(("::1", 5).to_socket_addrs()?.collect())),
        all(&|| Ok(("127.1", 5).to_socket_addrs()?.collect())),
        all(&|| Ok("localhost:5".to_socket_addrs()?.collect())),
        all(&|| Ok((&[one, one][..]).to_socket_addrs()?.collect())),
        all(&|| Ok((&&one).to_socket_addrs()?.collect())),
        all(&|| Ok("one".to_socket_addrs()?.collect())),
        all(&|| Ok("one:two".to_socket_addrs()?.collect())),
    ]
}
