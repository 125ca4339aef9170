//! Unix sockets, several listeners at once, and listeners from a service manager.

mod support;

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use greenwood_http::{Backend, Listener, Request, Server, ShutdownHandle};
use rustix::net::sockopt::set_socket_linger;
use support::{BACKENDS, WATCHDOG, closing, echo};

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("greenwood-{}-{next}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn serve(server: Server) -> (ShutdownHandle, JoinHandle<io::Result<()>>) {
    let shutdown = server.shutdown_handle();
    let handler = |request: &mut Request<'_>| {
        let peer = request.peer_addr().map(|peer| peer.ip());
        echo(request).map(|text| format!("{text}{peer:?}"))
    };
    (shutdown, std::thread::spawn(move || greenwood_runtime::run(|| server.serve(handler))))
}

fn ask(mut stream: impl Read + Write) -> String {
    stream.write_all(REQUEST).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let lines = answer.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with("date: ")).collect()
}

fn unix(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    stream
}

#[test]
fn a_unix_socket_serves_and_its_file_goes_with_the_server() {
    let folder = Folder::new();
    for backend in BACKENDS {
        let path = folder.path("s");
        let server = Server::builder().backend(backend).bind_unix(&path).unwrap();
        assert_eq!(server.local_addr().unwrap_err().kind(), ErrorKind::Unsupported);
        let (shutdown, thread) = serve(server);
        for _ in 0..3 {
            assert_eq!(ask(unix(&path)), closing("200 OK", "GET /a None"));
        }
        let mut open = unix(&path);
        open.write_all(
            b"PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        )
        .unwrap();
        // From here on the request is being answered.
        open.read_exact(&mut [0; CONTINUE.len()]).unwrap();
        shutdown.shutdown_within(WATCHDOG);
        // Nobody comes any more, while that one is still waited for.
        while path.exists() {
            std::thread::yield_now();
        }
        open.write_all(b"x").unwrap();
        let mut answer = String::new();
        open.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("PUT /a xNone"), "{answer}");
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn who_waits_to_be_accepted_when_the_file_goes_is_served() {
    let folder = Folder::new();
    let path = folder.path("s");
    let server = Server::builder().backend(Backend::Threads).bind_unix(&path).unwrap();
    let mut early = unix(&path);
    early.write_all(REQUEST).unwrap();
    server.shutdown_handle().shutdown_within(WATCHDOG);
    let (_, served) = serve(server);
    let mut answer = String::new();
    early.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("GET /a None"), "{answer}");
    served.join().unwrap().unwrap();
    assert!(!path.exists());
}

#[test]
fn a_dead_servers_socket_is_replaced_and_a_live_ones_is_not() {
    let folder = Folder::new();
    let path = folder.path("s");
    // Not removed by std: as if its process had been killed.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = Server::builder().bind_unix(&path).unwrap();
    let error = Server::builder().bind_unix(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert_eq!(error.to_string(), format!("{}: a server listens there", path.display()));
    let (shutdown, thread) = serve(first);
    assert_eq!(ask(unix(&path)), closing("200 OK", "GET /a None"));
    shutdown.shutdown();
    thread.join().unwrap().unwrap();
    assert!(!path.exists());
}

#[test]
fn other_files_are_left_alone() {
    let folder = Folder::new();
    let (file, datagram) = (folder.path("file"), folder.path("datagram"));
    fs::write(&file, "precious").unwrap();
    let _socket = UnixDatagram::bind(&datagram).unwrap();
    for path in [&file, &datagram, &folder.0] {
        let error = Listener::bind_unix(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
        assert!(error.to_string().starts_with(&*path.to_string_lossy()), "{error}");
        assert!(path.exists());
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
}

#[test]
fn a_file_that_took_the_place_stays() {
    let folder = Folder::new();
    let path = folder.path("s");
    let first = Listener::bind_unix(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let second = Listener::bind_unix(&path).unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

#[test]
fn bad_paths_and_modes_are_named() {
    let folder = Folder::new();
    let long = folder.path(&"x".repeat(200));
    for path in [&*long, Path::new("a\0b")] {
        let error = Listener::bind_unix(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    let error = Listener::bind_unix(folder.path("no/such")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let path = folder.path("s");
    let error = Listener::bind_unix_with_mode(&path, 0o1777).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!path.exists());
}

#[test]
fn the_mode_is_set() {
    let folder = Folder::new();
    for mode in [0o600, 0o666, 0o777] {
        let path = folder.path("s");
        let listener = Listener::bind_unix_with_mode(&path, mode).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert!(found.file_type().is_socket());
        assert_eq!(found.permissions().mode() & 0o7777, mode);
        drop(listener);
    }
}

#[test]
fn all_listeners_are_served() {
    let folder = Folder::new();
    let path = folder.path("s");
    for backend in BACKENDS {
        let second = Listener::bind("127.0.0.1:0").unwrap();
        let third = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [second.local_addr().unwrap(), third.local_addr().unwrap()];
        let server = Server::builder().backend(backend).bind_unix(&path).unwrap();
        let server = server.listen_also(second).unwrap().listen_also(third).unwrap();
        assert_eq!(server.local_addr().unwrap(), addresses[0]);
        let (shutdown, thread) = serve(server);
        for _ in 0..50 {
            assert_eq!(ask(unix(&path)), closing("200 OK", "GET /a None"));
            for address in addresses {
                let answer = ask(TcpStream::connect(address).unwrap());
                assert_eq!(answer, closing("200 OK", "GET /a Some(127.0.0.1)"));
            }
        }
        shutdown.shutdown();
        thread.join().unwrap().unwrap();
    }
}

/// Clients that come without end at one listener.
#[test]
fn a_flood_at_one_listener_leaves_the_others_served() {
    let quiet = Listener::bind("127.0.0.1:0").unwrap();
    let address = quiet.local_addr().unwrap();
    let server = Server::bind("127.0.0.1:0").unwrap();
    let flooded = server.local_addr().unwrap();
    let (shutdown, thread) = serve(server.listen_also(quiet).unwrap());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let clients: Vec<_> =
                        (0..16).filter_map(|_| TcpStream::connect(flooded).ok()).collect();
                    // A reset, so that no port lingers.
                    for client in clients {
                        let _ = set_socket_linger(&client, Some(Duration::ZERO));
                    }
                }
            });
        }
        for _ in 0..20 {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(WATCHDOG)).unwrap();
            assert!(ask(stream).ends_with("Some(127.0.0.1)"));
        }
        stop.store(true, Ordering::Relaxed);
    });
    shutdown.shutdown();
    thread.join().unwrap().unwrap();
}
