//! Sockets that are passed to the process at its start. Each scenario is a child process, which a shell gives its descriptors.
#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use greenwood_net::activation::{Inherited, InheritedListener, listeners};

const CHILD: &str = "GREENWOOD_ACTIVATION_CHILD";

/// Runs `body` in a child whose descriptors 3 and 4 are `third` and `fourth`, after the commands in `shell`.
fn child(name: &str, shell: &str, third: OwnedFd, fourth: OwnedFd, body: fn()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let script = format!(
        "exec 3<&0 4<&1 </dev/null >&2; export LISTEN_PID=$$ LISTEN_FDS=2; {shell}; exec \"$0\" \"$@\""
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::from(third))
        .stdout(Stdio::from(fourth))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn tcp() -> OwnedFd {
    TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap().into()
}

fn unix() -> OwnedFd {
    use std::os::linux::net::SocketAddrExt;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("greenwood-activation-{}-{next}", std::process::id());
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    UnixListener::bind_addr(&addr).unwrap().into()
}

fn error(kind: ErrorKind, words: &str) {
    let error = listeners().unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn both_families_with_names_and_once() {
    child("both_families_with_names_and_once", "export LISTEN_FDNAMES=a:b", tcp(), unix(), || {
        let all = listeners().unwrap();
        let [
            Inherited { name: a, listener: InheritedListener::Tcp(tcp) },
            Inherited { name: b, listener: InheritedListener::Unix(unix) },
        ] = &all[..]
        else {
            panic!("{all:?}");
        };
        assert_eq!((a.as_deref(), b.as_deref()), (Some("a"), Some("b")));
        for fd in [tcp.as_fd(), unix.as_fd()] {
            // SAFETY: takes two numbers.
            let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
            assert_eq!(flags, libc::FD_CLOEXEC);
        }
        let mut client = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(tcp.accept().unwrap().0.read(&mut [0]).unwrap(), 1);
        let mut client = UnixStream::connect_addr(&unix.local_addr().unwrap()).unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(unix.accept().unwrap().0.read(&mut [0]).unwrap(), 1);
        error(ErrorKind::AlreadyExists, "taken before");
        // Not even when the numbers are free again.
        drop(all);
        error(ErrorKind::AlreadyExists, "taken before");
    });
}

#[test]
fn meant_for_another_process() {
    child("meant_for_another_process", "LISTEN_PID=1", tcp(), unix(), || {
        assert!(listeners().unwrap().is_empty());
    });
}

#[test]
fn nothing_is_taken_when_one_is_wrong() {
    let (_, socket) = UnixStream::pair().unwrap();
    child("nothing_is_taken_when_one_is_wrong", "true", tcp(), socket.into(), || {
        error(ErrorKind::InvalidInput, "descriptor 4 of LISTEN_FDS: not a listening");
        error(ErrorKind::InvalidInput, "descriptor 4 of LISTEN_FDS: not a listening");
    });
}

#[test]
fn no_socket_at_all() {
    let null = || std::fs::File::open("/dev/null").unwrap().into();
    child("no_socket_at_all", "true", null(), null(), || {
        error(ErrorKind::InvalidInput, "descriptor 3 of LISTEN_FDS: not a listening");
    });
}

#[test]
fn fewer_than_announced() {
    child("fewer_than_announced", "exec 4<&-", tcp(), unix(), || {
        let error = listeners().unwrap_err();
        assert!(error.to_string().starts_with("descriptor 4 of LISTEN_FDS: "), "{error}");
    });
}
