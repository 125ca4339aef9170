//! A wait for sockets that is interrupted: they are reported as hung up, and the next call on one fails.

mod common;

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::time::Duration;

use common::{patched, until};
use greenwood_runtime::{JoinHandle, spawn, timeout};
use libc::{POLLERR, POLLHUP, POLLIN};

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Runs `f` until it waits, and cancels it.
fn cancelled<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let handle: JoinHandle<T> = spawn(f);
    until(|| handle.coroutine().waits_for().is_some());
    handle.cancel();
    handle.join().unwrap()
}

/// What poll(2) returns, and reports of each.
fn poll(fds: &[(i32, i16)]) -> (Result<i32, i32>, Vec<i16>) {
    let mut fds: Vec<_> =
        fds.iter().map(|&(fd, events)| libc::pollfd { fd, events, revents: 0 }).collect();
    // SAFETY: an array of as many.
    let n = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, -1) };
    (result(n), fds.iter().map(|one| one.revents).collect())
}

fn result(n: i32) -> Result<i32, i32> {
    if n < 0 { Err(code(io::Error::last_os_error())) } else { Ok(n) }
}

fn code(error: io::Error) -> i32 {
    error.raw_os_error().unwrap()
}

const GONE: i16 = POLLERR | POLLHUP;

#[test]
fn poll_reports_sockets() {
    patched(|| {
        let (mut socket, _peer) = tcp();
        socket.set_nonblocking(true).unwrap();
        let (pipe, _writer) = io::pipe().unwrap();
        let (own, _other_end) = UnixStream::pair().unwrap();
        cancelled(move || {
            let rest = [pipe.as_raw_fd(), own.as_raw_fd(), -1].map(|fd| (fd, POLLIN));
            let fds = [(socket.as_raw_fd(), POLLIN), rest[0], rest[1], rest[2]];
            assert_eq!(poll(&fds), (Ok(1), vec![POLLIN | GONE, 0, 0, 0]));
            let mut look = libc::pollfd { fd: fds[0].0, events: POLLIN, revents: 0 };
            // SAFETY: one structure.
            assert_eq!(unsafe { libc::poll(&raw mut look, 1, 0) }, 1);
            assert_eq!(look.revents, POLLIN | GONE);
            assert_eq!(code(socket.read(&mut [0]).unwrap_err()), libc::ECONNABORTED);
            // Another of the coroutine's connections fares the same.
            assert_eq!(poll(&fds[..1]), (Ok(1), vec![POLLIN | GONE]));
            // Who does not try is told.
            assert_eq!(poll(&fds[..1]).0, Err(libc::ECANCELED));
        });
    });
}

#[test]
fn poll_reports_the_end_of_a_time_out() {
    patched(|| {
        let (mut socket, _peer) = tcp();
        socket.set_nonblocking(true).unwrap();
        let fds = [(socket.as_raw_fd(), POLLIN)];
        let within = timeout(Duration::from_millis(1), || {
            (poll(&fds), code(socket.read(&mut [0]).unwrap_err()))
        });
        assert_eq!(within, Ok(((Ok(1), vec![POLLIN | GONE]), libc::ETIMEDOUT)));
        // It is over, also for what was not told.
        assert!(timeout(Duration::from_millis(1), || poll(&fds)).is_ok());
        assert_eq!(socket.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn without_sockets_it_fails() {
    patched(|| {
        let (pipe, _writer) = io::pipe().unwrap();
        cancelled(move || {
            assert_eq!(poll(&[(pipe.as_raw_fd(), POLLIN)]), (Err(libc::ECANCELED), vec![0]));
            assert_eq!(poll(&[]).0, Err(libc::ECANCELED));
        });
    });
}

#[test]
fn epoll_reports_sockets() {
    patched(|| {
        let (mut stream, _peer) = tcp();
        stream.set_nonblocking(true).unwrap();
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        // SAFETY: a new descriptor, nobody else's; below: one structure each.
        let epoll = unsafe { OwnedFd::from_raw_fd(libc::epoll_create1(0)) };
        // A loop's means to wake itself.
        let (own, _other_end) = UnixStream::pair().unwrap();
        let watched = [stream.as_raw_fd(), datagrams.as_raw_fd(), own.as_raw_fd()];
        for (i, fd) in watched.into_iter().enumerate() {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 7 << i };
            let add = libc::EPOLL_CTL_ADD;
            // SAFETY: as above.
            assert_eq!(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), add, fd, &raw mut event) }, 0);
        }
        cancelled(move || {
            let mut events = [libc::epoll_event { events: 0, u64: 0 }; 8];
            // SAFETY: room for as many.
            let n = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), 8, -1) };
            let mut reported: Vec<_> =
                events[..n as usize].iter().map(|event| (event.u64, event.events)).collect();
            reported.sort();
            let gone = (libc::EPOLLIN | libc::EPOLLERR | libc::EPOLLHUP) as u32;
            assert_eq!(reported, [(7, gone), (14, gone)]);
            assert_eq!(code(stream.read(&mut [0]).unwrap_err()), libc::ECONNABORTED);
        });
    });
}

#[test]
fn select_reports_sockets() {
    patched(|| {
        let (mut socket, _peer) = tcp();
        socket.set_nonblocking(true).unwrap();
        let (pipe, _writer) = io::pipe().unwrap();
        cancelled(move || {
            let (fd, pipe) = (socket.as_raw_fd(), pipe.as_raw_fd());
            // SAFETY: a set of numbers, which its functions know the bound of, and which select(2) reads and writes.
            unsafe {
                let mut set: libc::fd_set = std::mem::zeroed();
                libc::FD_SET(fd, &raw mut set);
                libc::FD_SET(pipe, &raw mut set);
                let (count, null) = (fd.max(pipe) + 1, ptr::null_mut());
                let n = libc::select(count, &raw mut set, null, null, ptr::null_mut());
                assert_eq!(result(n), Ok(1));
                assert!(libc::FD_ISSET(fd, &raw const set));
                assert!(!libc::FD_ISSET(pipe, &raw const set));
            }
            assert_eq!(code(socket.read(&mut [0]).unwrap_err()), libc::ECONNABORTED);
        });
    });
}

#[test]
fn a_blocking_socket_keeps_its_error() {
    patched(|| {
        let (mut socket, _peer) = tcp();
        let error = cancelled(move || code(socket.read(&mut [0]).unwrap_err()));
        assert_eq!(error, libc::ECANCELED);
    });
}
