//! poll(2) and ppoll(2) against what they return without the patch, and while others run.

mod common;

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::time::{Duration, Instant};

use common::{Others, patched};
use greenwood_runtime::{spawn, timeout};
use libc::{POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDHUP, c_int, pollfd};

fn member(fd: RawFd, events: i16) -> pollfd {
    pollfd { fd, events, revents: 0x55 }
}

fn poll(fds: &mut [pollfd], timeout: c_int) -> c_int {
    // SAFETY: an array of that length.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) }
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap()
}

/// The result, the error's number, and what is reported of each.
type Outcome = (c_int, i32, Vec<i16>);

fn outcome(mut fds: Vec<pollfd>, timeout: c_int) -> Outcome {
    // SAFETY: the caller's own.
    unsafe { *libc::__errno_location() = 77 };
    let result = poll(&mut fds, timeout);
    (result, errno(), fds.iter().map(|fd| fd.revents).collect())
}

fn owned(fd: c_int) -> OwnedFd {
    assert!(fd >= 0);
    // SAFETY: just made.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Every state of every kind of descriptor, under every mask, with and without time.
fn matrix() -> Vec<Outcome> {
    let (idle, _peer) = tcp();
    let (readable, mut writer) = tcp();
    writer.write_all(b"x").unwrap();
    let (ended, end) = tcp();
    drop(end);
    let (_read_end, full) = io::pipe().unwrap();
    // SAFETY: flags of a descriptor that is there.
    unsafe { libc::fcntl(full.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    while (&full).write(&[0; 4096]).is_ok() {}
    let (orphan, gone) = io::pipe().unwrap();
    drop(gone);
    let (gone, broken) = io::pipe().unwrap();
    drop(gone);
    let (hung, closed) = UnixStream::pair().unwrap();
    drop(closed);
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let null = std::fs::File::open("/dev/null").unwrap();
    // SAFETY: numbers.
    let event = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) });
    // SAFETY: as above.
    let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) });
    let fds = [
        idle.as_raw_fd(),
        readable.as_raw_fd(),
        ended.as_raw_fd(),
        full.as_raw_fd(),
        orphan.as_raw_fd(),
        broken.as_raw_fd(),
        hung.as_raw_fd(),
        datagrams.as_raw_fd(),
        file.as_raw_fd(),
        null.as_raw_fd(),
        event.as_raw_fd(),
        epoll.as_raw_fd(),
        -1,
        -77,
        1_000_000,
    ];
    let masks = [
        0,
        POLLIN,
        POLLOUT,
        POLLPRI,
        POLLRDHUP,
        POLLIN | POLLOUT,
        POLLIN | POLLRDHUP,
        libc::POLLRDNORM,
        POLLERR | POLLHUP | POLLNVAL,
        i16::MAX,
    ];
    // What is on its way has arrived.
    wait_until_ready(ended.as_raw_fd(), POLLRDHUP);
    wait_until_ready(readable.as_raw_fd(), POLLIN);
    let mut outcomes = Vec::new();
    for timeout in [0, 1] {
        for mask in masks {
            for fd in fds {
                outcomes.push(outcome(vec![member(fd, mask)], timeout));
                // The same one twice, beside one that is never ready.
                let several =
                    vec![member(fd, mask), member(idle.as_raw_fd(), POLLPRI), member(fd, POLLIN)];
                outcomes.push(outcome(several, timeout));
            }
            outcomes.push(outcome(fds.iter().map(|&fd| member(fd, mask)).collect(), timeout));
        }
        outcomes.push(outcome(Vec::new(), timeout));
    }
    outcomes
}

fn wait_until_ready(fd: RawFd, events: i16) {
    while poll(&mut [member(fd, events)], 0) == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn outcomes_are_those_of_libc() {
    let expected = matrix();
    let found = patched(matrix);
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(expected, found, "case {index}");
    }
    assert_eq!(expected.len(), found.len());
}

fn odd_calls() -> Vec<(c_int, i32)> {
    let mut one = member(-1, 0);
    let (bad, none) = (8usize as *mut pollfd, ptr::null());
    let large = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000_000 };
    let calls: &mut [&mut dyn FnMut() -> c_int] = &mut [
        // SAFETY: the kernel looks at the addresses.
        &mut || unsafe { libc::poll(bad, 1, -1) },
        // SAFETY: as above.
        &mut || unsafe { libc::poll(ptr::null_mut(), 3, 10) },
        // SAFETY: as above.
        &mut || unsafe { libc::poll(bad, libc::nfds_t::MAX, -1) },
        // SAFETY: as above.
        &mut || unsafe { libc::poll(bad, 0, 1) },
        // SAFETY: as above.
        &mut || unsafe { libc::ppoll(&mut one, 1, &large, none) },
        // SAFETY: as above.
        &mut || unsafe { libc::ppoll(bad, 1, ptr::null(), none) },
    ];
    calls
        .iter_mut()
        .map(|call| (call(), errno()))
        .map(|(n, e)| (n, if n < 0 { e } else { 0 }))
        .collect()
}

#[test]
fn odd_arguments_are_answered_as_ever() {
    let expected = odd_calls();
    assert_eq!(expected[0], (-1, libc::EFAULT));
    assert_eq!(expected[4], (-1, libc::EINVAL));
    assert_eq!(patched(odd_calls), expected);
}

/// Polls on a coroutine, and writes once it waits.
fn woken_by_a_write(fds: Vec<pollfd>, writer: &mut impl Write) -> Outcome {
    let others = Others::new();
    let waiter = spawn(move || outcome(fds, -1));
    common::until(|| matches!(waiter.coroutine().waits_for(), Some("poll" | "read" | "write")));
    others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
    assert!(!waiter.is_finished());
    writer.write_all(b"x").unwrap();
    waiter.join().unwrap()
}

#[test]
fn one_descriptor_wakes_it() {
    patched(|| {
        let (a, mut b) = tcp();
        // Again and again on one registration, without taking what is there in between.
        for _ in 0..3 {
            let (n, errno, reported) =
                woken_by_a_write(vec![member(a.as_raw_fd(), POLLIN)], &mut b);
            assert_eq!((n, errno, reported), (1, 77, vec![POLLIN]));
            io::Read::read_exact(&mut &a, &mut [0]).unwrap();
        }
        let (reader, mut writer) = io::pipe().unwrap();
        let woken = woken_by_a_write(vec![member(reader.as_raw_fd(), POLLIN)], &mut writer);
        assert_eq!(woken, (1, 77, vec![POLLIN]));

        // SAFETY: numbers.
        let event = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) });
        let mut writer = std::fs::File::from(event.try_clone().unwrap());
        struct Add<'a>(&'a mut std::fs::File);
        impl Write for Add<'_> {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0.write(&1u64.to_ne_bytes()).map(|_| 1)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let fds = vec![member(event.as_raw_fd(), POLLIN)];
        assert_eq!(woken_by_a_write(fds, &mut Add(&mut writer)), (1, 77, vec![POLLIN]));
    });
}

#[test]
fn one_of_several_wakes_it() {
    patched(|| {
        let (a, mut b) = tcp();
        let (reader, _writer) = io::pipe().unwrap();
        let members = || {
            vec![
                member(-1, POLLIN),
                member(reader.as_raw_fd(), POLLIN),
                member(a.as_raw_fd(), POLLPRI),
                member(a.as_raw_fd(), POLLIN | POLLRDHUP),
            ]
        };
        assert_eq!(woken_by_a_write(members(), &mut b), (1, 77, vec![0, 0, 0, POLLIN]));
        io::Read::read_exact(&mut &a, &mut [0]).unwrap();
        let waiter = {
            let members = members().iter().map(|m| (m.fd, m.events)).collect::<Vec<_>>();
            spawn(move || {
                outcome(members.into_iter().map(|(fd, events)| member(fd, events)).collect(), -1)
            })
        };
        common::until(|| waiter.coroutine().waits_for() == Some("poll"));
        drop(b);
        assert_eq!(waiter.join().unwrap(), (1, 77, vec![0, 0, 0, POLLIN | POLLRDHUP]));
    });
}

#[test]
fn out_of_band_data_wakes_who_waits_for_it() {
    patched(|| {
        let (a, b) = tcp();
        let fd = a.as_raw_fd();
        let waiter = spawn(move || outcome(vec![member(fd, POLLPRI)], -1));
        common::until(|| waiter.coroutine().waits_for() == Some("poll"));
        // Data of the other kind is nothing to it.
        (&b).write_all(b"x").unwrap();
        greenwood_runtime::sleep(Duration::from_millis(2));
        assert!(!waiter.is_finished());
        // SAFETY: one byte.
        assert_eq!(unsafe { libc::send(b.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) }, 1);
        assert_eq!(waiter.join().unwrap(), (1, 77, vec![POLLPRI]));
    });
}

#[test]
fn a_hundred_coroutines_poll_the_same_descriptor() {
    patched(|| {
        let (a, b) = tcp();
        let fd = a.as_raw_fd();
        let waiters: Vec<_> = (0..100)
            .map(|i| {
                let fds = if i % 2 == 0 { 1 } else { 2 };
                spawn(move || outcome(vec![member(fd, POLLIN); fds], -1).0)
            })
            .collect();
        common::until(|| waiters.iter().all(|w| w.coroutine().waits_for().is_some()));
        (&b).write_all(b"x").unwrap();
        for (i, waiter) in waiters.into_iter().enumerate() {
            assert_eq!(waiter.join().unwrap(), if i % 2 == 0 { 1 } else { 2 });
        }
    });
}

#[test]
fn time_outs_are_not_early() {
    patched(|| {
        let (a, _b) = tcp();
        let others = Others::new();
        for fds in [
            vec![],
            vec![member(-1, 0)],
            vec![member(a.as_raw_fd(), POLLIN)],
            vec![member(a.as_raw_fd(), POLLIN); 2],
        ] {
            let start = Instant::now();
            assert_eq!(others.run_during(|| outcome(fds.clone(), 5)).0, 0);
            assert!(start.elapsed() >= Duration::from_millis(5));
            let mut fds = fds;
            let nanos = libc::timespec { tv_sec: 0, tv_nsec: 2_000_001 };
            let start = Instant::now();
            // SAFETY: an array and a time-out.
            let n = unsafe {
                libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, &nanos, ptr::null())
            };
            assert!(n == 0 && start.elapsed() >= Duration::from_nanos(2_000_001));
            assert_eq!(nanos.tv_nsec, 2_000_001);
        }
    });
}

#[test]
fn interruptions_are_errors() {
    patched(|| {
        let (a, _b) = io::pipe().unwrap();
        let fd = a.as_raw_fd();
        for fds in [0, 1, 2] {
            let waiter = spawn(move || {
                let first = outcome(vec![member(fd, POLLIN); fds], -1);
                let second = outcome(vec![member(fd, POLLIN); fds], -1);
                (first.0, first.1, second.0, second.1)
            });
            common::until(|| waiter.coroutine().waits_for().is_some());
            waiter.cancel();
            assert_eq!(waiter.join().unwrap(), (-1, libc::ECANCELED, -1, libc::ECANCELED));
            let within =
                timeout(Duration::from_millis(1), || outcome(vec![member(fd, POLLIN); fds], -1));
            assert!(matches!(within, Ok((-1, libc::ETIMEDOUT, _))));
        }
    });
}

#[test]
fn a_closed_descriptor_is_reported() {
    patched(|| {
        let (a, _b) = tcp();
        let fd = a.as_raw_fd();
        let waiter = spawn(move || outcome(vec![member(fd, POLLIN)], -1));
        common::until(|| waiter.coroutine().waits_for() == Some("read"));
        // SAFETY: this test's own.
        drop(unsafe { OwnedFd::from_raw_fd(a.into_raw_fd()) });
        assert_eq!(waiter.join().unwrap(), (1, 77, vec![POLLNVAL]));
    });
}
