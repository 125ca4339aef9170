//! Event loops of other libraries, each on a coroutine.

mod common;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use common::{Others, patched};
use greenwood_runtime::{JoinHandle, spawn, timeout};
use libc::{c_int, epoll_event};

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn new_epoll() -> OwnedFd {
    // SAFETY: a number, and what it returns is nobody else's.
    unsafe {
        let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
        assert!(fd >= 0);
        OwnedFd::from_raw_fd(fd)
    }
}

fn watch(epoll: &OwnedFd, fd: RawFd, events: c_int) {
    let mut event = epoll_event { events: events as u32, u64: fd as u64 };
    // SAFETY: a structure that is there.
    let added = unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) };
    assert_eq!(added, 0);
}

/// What is reported, of the descriptor it is reported for.
fn wait(epoll: RawFd, timeout: c_int) -> io::Result<Vec<(u64, u32)>> {
    let mut events = [epoll_event { events: 0, u64: 0 }; 8];
    // SAFETY: room for eight.
    match unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), 8, timeout) } {
        -1 => Err(io::Error::last_os_error()),
        n => Ok(events[..n as usize].iter().map(|e| (e.u64, e.events)).collect()),
    }
}

fn is_waiting<T>(handle: &JoinHandle<T>) -> bool {
    handle.coroutine().waits_for() == Some("poll")
}

/// Connections that send and receive `rounds` messages each.
fn clients(address: SocketAddr, count: u32, rounds: u32) -> Vec<JoinHandle<()>> {
    (0..count)
        .map(|i| {
            spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                for round in 0..rounds {
                    let message = (i * rounds + round).to_be_bytes();
                    stream.write_all(&message).unwrap();
                    let mut back = [0; 4];
                    stream.read_exact(&mut back).unwrap();
                    assert_eq!(back, message);
                }
            })
        })
        .collect()
}

#[test]
fn a_loop_of_ones_own() {
    patched(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(move || {
            listener.set_nonblocking(true).unwrap();
            let epoll = new_epoll();
            watch(&epoll, listener.as_raw_fd(), libc::EPOLLIN);
            let mut streams = Vec::<TcpStream>::new();
            let mut ended = 0;
            while ended < 20 {
                for (fd, _) in wait(epoll.as_raw_fd(), -1).unwrap() {
                    if fd == listener.as_raw_fd() as u64 {
                        while let Ok((stream, _)) = listener.accept() {
                            stream.set_nonblocking(true).unwrap();
                            watch(&epoll, stream.as_raw_fd(), libc::EPOLLIN | libc::EPOLLET);
                            streams.push(stream);
                        }
                        continue;
                    }
                    let mut stream = streams.iter().find(|s| s.as_raw_fd() as u64 == fd).unwrap();
                    let mut buf = [0; 64];
                    loop {
                        match stream.read(&mut buf) {
                            Ok(0) => {
                                ended += 1;
                                streams.retain(|s| s.as_raw_fd() as u64 != fd);
                                break;
                            }
                            Ok(n) => stream.write_all(&buf[..n]).unwrap(),
                            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                            Err(e) => panic!("{e}"),
                        }
                    }
                }
            }
        });
        clients(address, 20, 20).into_iter().for_each(|c| c.join().unwrap());
        server.join().unwrap();
    });
}

#[test]
fn mio() {
    patched(|| {
        let mut poll = mio::Poll::new().unwrap();
        let mut events = mio::Events::with_capacity(8);
        let others = Others::new();
        let short = Some(Duration::from_millis(5));
        others.run_during(|| poll.poll(&mut events, short).unwrap());
        assert!(events.is_empty());

        let waker = mio::Waker::new(poll.registry(), mio::Token(7)).unwrap();
        let looping = spawn(move || {
            poll.poll(&mut events, None).unwrap();
            events.iter().map(|e| e.token().0).collect::<Vec<_>>()
        });
        common::until(|| is_waiting(&looping));
        waker.wake().unwrap();
        assert_eq!(looping.join().unwrap(), [7]);
    });
}

#[test]
fn tokio_with_sockets_and_timers() {
    patched(|| {
        let (ready, address) = std::sync::mpsc::channel();
        let server = spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                let mut tasks = Vec::new();
                for _ in 0..10 {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    tasks.push(tokio::spawn(async move {
                        let mut buf = [0; 64];
                        while let Ok(n @ 1..) = stream.read(&mut buf).await {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                            stream.write_all(&buf[..n]).await.unwrap();
                        }
                    }));
                }
                for task in tasks {
                    task.await.unwrap();
                }
            });
        });
        let address = loop {
            match address.try_recv() {
                Ok(address) => break address,
                Err(_) => greenwood_runtime::yield_now(),
            }
        };
        clients(address, 10, 5).into_iter().for_each(|c| c.join().unwrap());
        server.join().unwrap();
    });
}

#[test]
fn several_tokios_at_once() {
    patched(|| {
        let others = Others::new();
        let runtimes: Vec<_> = (0..5)
            .map(|_| {
                spawn(|| {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
                })
            })
            .collect();
        others.run_during(|| runtimes.into_iter().for_each(|r| r.join().unwrap()));
    });
}

#[test]
fn two_coroutines_wait_for_one_instance() {
    patched(|| {
        let (a, mut b) = tcp();
        let epoll = new_epoll();
        watch(&epoll, a.as_raw_fd(), libc::EPOLLIN);
        let fd = epoll.as_raw_fd();
        let waiters = [spawn(move || wait(fd, -1).unwrap()), spawn(move || wait(fd, -1).unwrap())];
        common::until(|| waiters.iter().all(is_waiting));
        b.write_all(b"x").unwrap();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), [(a.as_raw_fd() as u64, libc::EPOLLIN as u32)]);
        }
    });
}

#[test]
fn an_instance_within_another() {
    patched(|| {
        let (a, mut b) = tcp();
        let (inner, outer) = (new_epoll(), new_epoll());
        watch(&inner, a.as_raw_fd(), libc::EPOLLIN);
        watch(&outer, inner.as_raw_fd(), libc::EPOLLIN | libc::EPOLLET);
        let fd = outer.as_raw_fd();
        let waiter = spawn(move || wait(fd, -1).unwrap());
        common::until(|| is_waiting(&waiter));
        b.write_all(b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), [(inner.as_raw_fd() as u64, libc::EPOLLIN as u32)]);
    });
}

/// So deep that the reactor cannot watch it.
#[test]
fn instances_nested_to_the_kernels_limit() {
    patched(|| {
        let (a, mut b) = tcp();
        let mut instances = vec![new_epoll()];
        watch(&instances[0], a.as_raw_fd(), libc::EPOLLIN);
        loop {
            let next = new_epoll();
            let mut event = epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            let inner = instances.last().unwrap().as_raw_fd();
            // SAFETY: a structure that is there.
            let added = unsafe {
                libc::epoll_ctl(next.as_raw_fd(), libc::EPOLL_CTL_ADD, inner, &mut event)
            };
            if added != 0 {
                break;
            }
            instances.push(next);
        }
        let fd = instances.last().unwrap().as_raw_fd();
        let waiter = spawn(move || wait(fd, -1).unwrap().len());
        common::until(|| is_waiting(&waiter));
        b.write_all(b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

fn odd_calls() -> Vec<(c_int, c_int)> {
    let (epoll, file) = (new_epoll(), std::fs::File::open("/proc/self/exe").unwrap());
    let mut events = [epoll_event { events: 0, u64: 0 }; 8];
    let (events, wild, null) = (events.as_mut_ptr(), 8usize as *mut epoll_event, std::ptr::null());
    let (a, mut b) = tcp();
    b.write_all(b"x").unwrap();
    watch(&epoll, a.as_raw_fd(), libc::EPOLLIN);
    let (epoll, file, empty) = (epoll.as_raw_fd(), file.as_raw_fd(), new_epoll());
    let empty = empty.as_raw_fd();
    while wait(epoll, 0).unwrap().is_empty() {}
    let large = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000_000 };
    let nanos = libc::timespec { tv_sec: 0, tv_nsec: 1 };
    // SAFETY: room for eight, or the kernel looks at the address.
    let calls: &[&dyn Fn() -> c_int] = unsafe {
        &[
            &|| libc::epoll_wait(epoll, events, 0, -1),
            &|| libc::epoll_wait(epoll, events, -1, -1),
            &|| libc::epoll_wait(epoll, events, c_int::MAX, -1),
            &|| libc::epoll_wait(epoll, wild, 8, -1),
            &|| libc::epoll_wait(file, events, 8, -1),
            &|| libc::epoll_wait(-1, events, 8, -1),
            &|| libc::epoll_wait(epoll, events, 8, -1),
            &|| libc::epoll_wait(empty, events, 8, 1),
            &|| libc::epoll_pwait(empty, events, 8, 1, null),
            &|| libc::epoll_pwait2(empty, events, 8, &nanos, null),
            &|| libc::epoll_pwait2(empty, events, 8, &large, null),
            &|| libc::epoll_pwait2(empty, events, 8, 16usize as *const _, null),
            &|| libc::epoll_pwait2(epoll, events, 8, std::ptr::null(), null),
        ]
    };
    calls
        .iter()
        .map(|call| {
            // SAFETY: the caller's own.
            unsafe { *libc::__errno_location() = 77 };
            (call(), io::Error::last_os_error().raw_os_error().unwrap())
        })
        .collect()
}

#[test]
fn odd_arguments_are_answered_as_ever() {
    let expected = odd_calls();
    assert_eq!(expected[0], (-1, libc::EINVAL));
    assert_eq!(expected[11], (-1, libc::EFAULT));
    assert_eq!(patched(odd_calls), expected);
}

#[test]
fn time_outs_and_interruptions() {
    patched(|| {
        let epoll = new_epoll();
        let fd = epoll.as_raw_fd();
        let others = Others::new();
        let start = Instant::now();
        assert!(others.run_during(|| wait(fd, 5)).unwrap().is_empty());
        assert!(start.elapsed() >= Duration::from_millis(5));

        let code = |result: io::Result<_>| result.unwrap_err().raw_os_error();
        let within = timeout(Duration::from_millis(1), || wait(fd, -1));
        assert_eq!(code(within.unwrap()), Some(libc::ETIMEDOUT));
        let waiter = spawn(move || (wait(fd, -1), wait(fd, -1)));
        common::until(|| is_waiting(&waiter));
        waiter.cancel();
        let (first, second) = waiter.join().unwrap();
        assert_eq!((code(first), code(second)), (Some(libc::ECANCELED), Some(libc::ECANCELED)));
    });
}
