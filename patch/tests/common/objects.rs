//! Descriptors of all kinds, in all states that matter to who calls on them.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

use libc::c_int;

/// What helpers wait before they act, and sockets for what nobody will send.
const MOMENT: Duration = Duration::from_millis(8);
/// What sockets wait for their helpers.
const PATIENCE: Duration = Duration::from_millis(400);

pub type Maker = fn() -> Made;

/// A descriptor, and what must live beside it.
pub struct Made {
    pub fd: RawFd,
    owned: Option<OwnedFd>,
    kept: Vec<OwnedFd>,
    /// What unblocks a call that waits.
    later: Option<Box<dyn FnOnce() + Send>>,
}

impl Made {
    fn new(fd: impl Into<OwnedFd>) -> Made {
        let fd = fd.into();
        Made { fd: fd.as_raw_fd(), owned: Some(fd), kept: Vec::new(), later: None }
    }

    fn number(fd: RawFd) -> Made {
        Made { fd, owned: None, kept: Vec::new(), later: None }
    }

    fn keep(mut self, fd: impl Into<OwnedFd>) -> Made {
        self.kept.push(fd.into());
        self
    }

    fn later(mut self, f: impl FnOnce() + Send + 'static) -> Made {
        self.later = Some(Box::new(f));
        self
    }

    pub fn flags(&self) -> c_int {
        // SAFETY: takes numbers.
        unsafe { libc::fcntl(self.fd, libc::F_GETFL) }
    }

    pub fn set_mode(&self, nonblocking: bool) {
        if nonblocking && self.owned.is_some() {
            // SAFETY: takes numbers.
            unsafe { libc::fcntl(self.fd, libc::F_SETFL, self.flags() | libc::O_NONBLOCK) };
        }
        let time = if self.later.is_some() { PATIENCE } else { MOMENT };
        let time = libc::timeval { tv_sec: 0, tv_usec: time.as_micros() as libc::suseconds_t };
        for name in [libc::SO_RCVTIMEO, libc::SO_SNDTIMEO] {
            let len = size_of_val(&time) as libc::socklen_t;
            // SAFETY: reads one structure; fails for what is no socket.
            unsafe {
                libc::setsockopt(self.fd, libc::SOL_SOCKET, name, (&raw const time).cast(), len)
            };
        }
    }

    /// Nobody has to help a call that does not wait.
    pub fn start_helper(&mut self, nonblocking: bool) -> Option<std::thread::JoinHandle<()>> {
        let later = self.later.take()?;
        if nonblocking {
            self.later = Some(later);
            return None;
        }
        Some(std::thread::spawn(move || {
            std::thread::sleep(MOMENT);
            later();
        }))
    }
}

pub fn raise_limit() {
    // SAFETY: a structure that is filled, then read.
    unsafe {
        let mut limit = std::mem::zeroed::<libc::rlimit>();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
}

pub fn socket(domain: c_int, kind: c_int) -> OwnedFd {
    // SAFETY: takes numbers; the result is checked and ours.
    unsafe {
        let fd = libc::socket(domain, kind | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0);
        OwnedFd::from_raw_fd(fd)
    }
}

pub fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let a = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (a, listener.accept().unwrap().0)
}

/// With buffers of a fixed size.
fn small((a, b): (TcpStream, TcpStream)) -> (TcpStream, TcpStream) {
    for (fd, name) in [(&a, libc::SO_SNDBUF), (&b, libc::SO_RCVBUF)] {
        let bytes: c_int = 8192;
        let len = size_of_val(&bytes) as libc::socklen_t;
        let value = (&raw const bytes).cast();
        // SAFETY: reads one number.
        unsafe { libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, name, value, len) };
    }
    (a, b)
}

pub fn pair(kind: c_int) -> (OwnedFd, OwnedFd) {
    let mut pair = [0; 2];
    // SAFETY: room for two; both are ours.
    unsafe {
        assert_eq!(
            libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, pair.as_mut_ptr()),
            0
        );
        (OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(pair[1]))
    }
}

/// Nobody may be there any more.
pub fn send(fd: &OwnedFd, bytes: &[u8]) {
    // SAFETY: a buffer of ours.
    unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
}

pub fn shutdown(fd: &impl AsRawFd, how: c_int) {
    // SAFETY: takes numbers.
    unsafe { libc::shutdown(fd.as_raw_fd(), how) };
}

fn reset(stream: TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let len = size_of_val(&linger) as libc::socklen_t;
    // SAFETY: reads one structure.
    unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            len,
        )
    };
}

pub fn pipe() -> (OwnedFd, OwnedFd) {
    let (from, to) = std::io::pipe().unwrap();
    (from.into(), to.into())
}

/// Fills it, and leaves it as it was.
fn fill(fd: &OwnedFd) {
    // SAFETY: a buffer of ours, and numbers.
    unsafe {
        let flags = libc::fcntl(fd.as_raw_fd(), libc::F_GETFL);
        libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK);
        let bytes = [0; 4096];
        let fill = || {
            let mut any = false;
            for len in [bytes.len(), 1] {
                while libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), len) > 0 {
                    any = true;
                }
            }
            any
        };
        // The kernel moves what is on its way to a TCP peer, and has room again.
        while fill() {
            std::thread::sleep(Duration::from_millis(1));
        }
        libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags);
    }
}

/// Reads until there is nothing more, ever.
fn drain(fd: OwnedFd) {
    let mut file = File::from(fd);
    let mut buf = vec![0; 1 << 16];
    while file.read(&mut buf).is_ok_and(|n| n > 0) {}
}

fn fifo() -> (OwnedFd, OwnedFd) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "{}/fifo-{}-{}",
        std::env::temp_dir().display(),
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let path = CString::new(name.clone()).unwrap();
    // SAFETY: a string that ends in a zero.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    // Opened for both, it waits for nobody.
    let both = OpenOptions::new().read(true).write(true).open(&name).unwrap();
    let from = File::open(&name).unwrap();
    let to = OpenOptions::new().write(true).open(&name).unwrap();
    drop(both);
    std::fs::remove_file(&name).unwrap();
    (from.into(), to.into())
}

fn eventfd(count: u32, flags: c_int) -> OwnedFd {
    // SAFETY: takes numbers; the result is ours.
    unsafe { OwnedFd::from_raw_fd(libc::eventfd(count, flags | libc::EFD_CLOEXEC)) }
}

fn timer() -> OwnedFd {
    // SAFETY: takes numbers and a structure of ours; the result is ours.
    unsafe {
        let fd = libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC);
        let mut time = std::mem::zeroed::<libc::itimerspec>();
        time.it_value.tv_nsec = MOMENT.as_nanos() as i64;
        assert_eq!(libc::timerfd_settime(fd, 0, &time, std::ptr::null_mut()), 0);
        OwnedFd::from_raw_fd(fd)
    }
}

/// Master and slave, which passes everything on as it is.
pub fn terminal() -> (OwnedFd, OwnedFd) {
    // SAFETY: structures of ours; both results are ours.
    unsafe {
        let (mut master, mut slave) = (-1, -1);
        let null = std::ptr::null_mut();
        assert_eq!(libc::openpty(&mut master, &mut slave, null, null.cast(), null.cast()), 0);
        let mut settings = std::mem::zeroed::<libc::termios>();
        libc::tcgetattr(slave, &mut settings);
        libc::cfmakeraw(&mut settings);
        libc::tcsetattr(slave, libc::TCSANOW, &settings);
        for fd in [master, slave] {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}

/// A terminal whose reads give what there is after `tenths` of a second.
fn patient_terminal(tenths: u8) -> Made {
    let (master, slave) = terminal();
    // SAFETY: a structure of ours.
    unsafe {
        let mut settings = std::mem::zeroed::<libc::termios>();
        libc::tcgetattr(slave.as_raw_fd(), &mut settings);
        settings.c_cc[libc::VMIN] = 0;
        settings.c_cc[libc::VTIME] = tenths;
        libc::tcsetattr(slave.as_raw_fd(), libc::TCSANOW, &settings);
    }
    Made::new(slave).keep(master)
}

fn open(path: &str) -> OwnedFd {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.or_else(|_| File::open(path)).unwrap().into()
}

fn regular() -> OwnedFd {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("file-{}-{count}", std::process::id()));
    std::fs::write(&path, "0123456789").unwrap();
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.into()
}

fn closed() -> RawFd {
    static NEXT: AtomicI32 = AtomicI32::new(2000);
    // Far from the numbers that others get in the meantime, and each once.
    let fd = NEXT.fetch_add(1, Ordering::Relaxed);
    let (a, _b) = tcp();
    // Something is remembered of the number.
    // SAFETY: takes numbers, and a buffer of ours.
    unsafe {
        assert_eq!(libc::dup2(a.as_raw_fd(), fd), fd);
        libc::recv(fd, [0u8; 1].as_mut_ptr().cast(), 1, libc::MSG_DONTWAIT);
        libc::close(fd);
    }
    fd
}

#[rustfmt::skip]
pub fn objects() -> Vec<(&'static str, Maker)> {
    vec![
        ("tcp", || { let (a, b) = tcp(); Made::new(a).keep(b) }),
        ("tcp with data", || { let (a, b) = tcp(); (&b).write_all(b"abcde").unwrap(); Made::new(a).keep(b) }),
        ("tcp, data later, then its end", || { let (a, b) = tcp(); Made::new(a).later(move || { let _ = (&b).write_all(b"abc"); std::thread::sleep(MOMENT); drop(b); }) }),
        ("tcp, reset later", || { let (a, b) = tcp(); Made::new(a).later(move || reset(b)) }),
        ("tcp, data and a reset later", || { let (a, b) = tcp(); Made::new(a).later(move || { let _ = (&b).write_all(b"abc"); std::thread::sleep(MOMENT); reset(b); }) }),
        ("unix stream, reset later", || { let (a, b) = pair(libc::SOCK_STREAM); Made::new(a).later(move || drop(b)) }),
        ("tcp at its end", || { let (a, b) = tcp(); b.shutdown(std::net::Shutdown::Write).unwrap(); std::thread::sleep(Duration::from_micros(200)); Made::new(a).keep(b) }),
        ("tcp reset", || { let (a, b) = tcp(); reset(b); std::thread::sleep(Duration::from_micros(200)); Made::new(a) }),
        ("tcp shut for reading", || { let (a, b) = tcp(); shutdown(&a, libc::SHUT_RD); Made::new(a).keep(b) }),
        ("tcp shut for writing", || { let (a, b) = tcp(); shutdown(&a, libc::SHUT_WR); Made::new(a).keep(b) }),
        ("tcp shut", || { let (a, b) = tcp(); shutdown(&a, libc::SHUT_RDWR); Made::new(a).keep(b) }),
        ("tcp full", || { let (a, b) = small(tcp()); let a = OwnedFd::from(a); fill(&a); Made::new(a).keep(b) }),
        ("tcp full, room later", || { let (a, b) = small(tcp()); let a = OwnedFd::from(a); fill(&a); let end = a.try_clone().unwrap(); Made::new(a).later(move || { let mut buf = vec![0; 1 << 16]; let mut b = b; b.set_read_timeout(Some(PATIENCE / 8)).unwrap(); while b.read(&mut buf).is_ok_and(|n| n > 0) {} drop(end) }) }),
        ("tcp unconnected", || Made::new(socket(libc::AF_INET, libc::SOCK_STREAM))),
        ("tcp listener", || Made::new(TcpListener::bind("127.0.0.1:0").unwrap())),
        ("tcp listener with a connection", || { let l = TcpListener::bind("127.0.0.1:0").unwrap(); let c = TcpStream::connect(l.local_addr().unwrap()).unwrap(); Made::new(l).keep(c) }),
        ("udp unbound", || Made::new(socket(libc::AF_INET, libc::SOCK_DGRAM))),
        ("udp", || Made::new(UdpSocket::bind("127.0.0.1:0").unwrap())),
        ("udp with data", || { let a = UdpSocket::bind("127.0.0.1:0").unwrap(); a.connect(a.local_addr().unwrap()).unwrap(); a.send(b"abcde").unwrap(); a.send(b"").unwrap(); a.send(b"fgh").unwrap(); Made::new(a) }),
        ("udp shut for reading", || { let a = UdpSocket::bind("127.0.0.1:0").unwrap(); a.connect(a.local_addr().unwrap()).unwrap(); shutdown(&a, libc::SHUT_RD); Made::new(a) }),
        ("udp refused", || { let a = UdpSocket::bind("127.0.0.1:0").unwrap(); let b = UdpSocket::bind("127.0.0.1:0").unwrap(); a.connect(b.local_addr().unwrap()).unwrap(); drop(b); a.send(b"x").unwrap(); Made::new(a) }),
        ("unix stream", || { let (a, b) = UnixStream::pair().unwrap(); Made::new(a).keep(b) }),
        ("unix stream with data", || { let (a, b) = pair(libc::SOCK_STREAM); send(&b, b"abc"); send(&b, b"def"); Made::new(a).keep(b) }),
        ("unix stream, data later", || { let (a, b) = pair(libc::SOCK_STREAM); let l = b.try_clone().unwrap(); Made::new(a).keep(b).later(move || send(&l, b"abc")) }),
        ("unix stream at its end", || Made::new(pair(libc::SOCK_STREAM).0)),
        ("unix stream shut", || { let (a, b) = pair(libc::SOCK_STREAM); shutdown(&a, libc::SHUT_RDWR); Made::new(a).keep(b) }),
        ("unix stream full", || { let (a, b) = pair(libc::SOCK_STREAM); fill(&a); Made::new(a).keep(b) }),
        ("unix stream full, closed later", || { let (a, b) = pair(libc::SOCK_STREAM); fill(&a); Made::new(a).later(move || drop(b)) }),
        ("unix stream unconnected", || Made::new(socket(libc::AF_UNIX, libc::SOCK_STREAM))),
        ("unix listener", || { let l = listener(); Made::new(l) }),
        ("unix datagrams", || { let (a, b) = UnixDatagram::pair().unwrap(); Made::new(a).keep(b) }),
        ("unix datagrams with data", || { let (a, b) = UnixDatagram::pair().unwrap(); b.send(b"abcde").unwrap(); b.send(b"fg").unwrap(); Made::new(a).keep(b) }),
        ("unix datagrams shut", || { let (a, b) = UnixDatagram::pair().unwrap(); shutdown(&a, libc::SHUT_RDWR); Made::new(a).keep(b) }),
        ("unix datagrams full", || { let (a, b) = pair(libc::SOCK_DGRAM); fill(&a); Made::new(a).keep(b) }),
        ("unix datagram unbound", || Made::new(socket(libc::AF_UNIX, libc::SOCK_DGRAM))),
        ("unix packets", || { let (a, b) = pair(libc::SOCK_SEQPACKET); Made::new(a).keep(b) }),
        ("unix packets with data", || { let (a, b) = pair(libc::SOCK_SEQPACKET); send(&b, b"abcde"); send(&b, b"fg"); Made::new(a).keep(b) }),
        ("unix packets, data later", || { let (a, b) = pair(libc::SOCK_SEQPACKET); let l = b.try_clone().unwrap(); Made::new(a).keep(b).later(move || send(&l, b"abc")) }),
        ("unix packets at their end", || Made::new(pair(libc::SOCK_SEQPACKET).0)),
        ("unix packets shut for reading", || { let (a, b) = pair(libc::SOCK_SEQPACKET); shutdown(&a, libc::SHUT_RD); Made::new(a).keep(b) }),
        ("pipe with data", || { let (a, b) = pipe(); send(&b, b"abcde"); Made::new(a).later(move || drop(b)) }),
        ("pipe, data later", || { let (a, b) = pipe(); Made::new(a).later(move || send(&b, b"abc")) }),
        ("pipe, its end later", || { let (a, b) = pipe(); Made::new(a).later(move || drop(b)) }),
        ("pipe at its end", || Made::new(pipe().0)),
        ("pipe to write", || { let (a, b) = pipe(); Made::new(b).later(move || drain(a)) }),
        ("pipe full, room later", || { let (a, b) = pipe(); fill(&b); Made::new(b).later(move || drain(a)) }),
        ("pipe full, nobody later", || { let (a, b) = pipe(); fill(&b); Made::new(b).later(move || drop(a)) }),
        ("pipe nobody reads", || Made::new(pipe().1)),
        ("fifo, data later", || { let (a, b) = fifo(); Made::new(a).later(move || send(&b, b"abc")) }),
        ("fifo full, room later", || { let (a, b) = fifo(); fill(&b); Made::new(b).later(move || drain(a)) }),
        ("eventfd", || { let e = eventfd(0, 0); let l = e.try_clone().unwrap(); Made::new(e).later(move || send(&l, &5u64.to_ne_bytes())) }),
        ("eventfd with a count", || Made::new(eventfd(3, 0))),
        ("eventfd as a semaphore", || Made::new(eventfd(3, libc::EFD_SEMAPHORE))),
        ("timer", || Made::new(timer())),
        ("terminal, data later", || { let (m, s) = terminal(); let l = m.try_clone().unwrap(); Made::new(s).keep(m).later(move || send(&l, b"abc")) }),
        ("terminal with data", || { let (m, s) = terminal(); send(&m, b"abcde"); Made::new(s).keep(m) }),
        ("terminal that waits for nothing", || patient_terminal(0)),
        ("terminal that waits a little", || patient_terminal(1)),
        ("terminal's other end, data later", || { let (m, s) = terminal(); Made::new(m).later(move || { send(&s, b"abc"); std::thread::sleep(MOMENT); }) }),
        ("terminal hung up", || Made::new(terminal().1)),
        ("regular file", || Made::new(regular())),
        ("directory", || Made::new(open("/"))),
        ("/dev/null", || Made::new(open("/dev/null"))),
        ("/dev/zero", || Made::new(open("/dev/zero"))),
        ("closed", || Made::number(closed())),
        ("never opened", || Made::number(1_000_000)),
        ("beyond any table", || Made::number(c_int::MAX)),
        ("-1", || Made::number(-1)),
    ]
}

fn listener() -> UnixListener {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("listener-{}-{count}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    listener
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(fd) = self.owned.take() {
            // SAFETY: it was owned.
            unsafe { libc::close(fd.into_raw_fd()) };
        }
    }
}
