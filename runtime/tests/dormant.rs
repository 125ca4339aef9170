//! Coroutines that start when a descriptor is readable: what starts them, what ends them, and that nothing is lost.

mod common;

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::readiness::{AsSource, Interest, Readiness, Source, spawn_when_readable};
use greenwood_runtime::{Cancelled, Placement, Runtime, now, yield_now};

struct Socket(UnixStream, Source);

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsSource for Socket {
    fn as_source(&self) -> &Source {
        &self.1
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.1.close(self.0.as_fd());
    }
}

impl Socket {
    /// One byte; `None` at the end.
    fn read(&self) -> Option<u8> {
        let mut byte = [0];
        let read = || (&self.0).read(&mut byte);
        let n = self.1.perform(self.as_fd(), Interest::Read, None, read, |_| false).unwrap();
        (n > 0).then_some(byte[0])
    }
}

fn pair() -> (UnixStream, Socket) {
    let (near, far) = UnixStream::pair().unwrap();
    far.set_nonblocking(true).unwrap();
    (near, Socket(far, Source::new()))
}

#[test]
fn starts_when_there_is_something_and_not_before() {
    each_mode(|| {
        let (mut near, socket) = pair();
        let handle = spawn_when_readable(socket, None, |socket, why| (socket.read(), why)).unwrap();
        for _ in 0..100 {
            yield_now();
        }
        assert!(!handle.is_finished());
        assert_eq!(handle.coroutine().waits_for(), Some("something to start for"));
        near.write_all(b"a").unwrap();
        assert_eq!(handle.join().unwrap(), (Some(b'a'), Readiness::Ready));
    });
}

#[test]
fn starts_for_what_was_there_before() {
    each_mode(|| {
        let (mut near, socket) = pair();
        near.write_all(b"ab").unwrap();
        let socket = spawn_when_readable(socket, None, |socket, _| {
            assert_eq!(socket.read(), Some(b'a'));
            socket
        });
        // The second byte was left by the call for the first.
        let socket = socket.unwrap().join().unwrap();
        let handle = spawn_when_readable(socket, None, |socket, why| (socket.read(), why));
        assert_eq!(handle.unwrap().join().unwrap(), (Some(b'b'), Readiness::Ready));
    });
}

#[test]
fn starts_when_the_peer_is_gone() {
    each_mode(|| {
        let (near, socket) = pair();
        let handle = spawn_when_readable(socket, None, |socket, why| (socket.read(), why)).unwrap();
        drop(near);
        assert_eq!(handle.join().unwrap(), (None, Readiness::Ready));
    });
}

#[test]
fn a_deadline_starts_it() {
    let paused = Runtime::builder().workers(1).paused_clock().build().unwrap();
    let _watched = watchdog();
    paused.run(|| {
        let (_near, socket) = pair();
        let deadline = now() + Duration::from_secs(3600);
        let handle = spawn_when_readable(socket, Some(deadline), move |_, why| {
            assert!(now() >= deadline);
            why
        });
        assert_eq!(handle.unwrap().join().unwrap(), Readiness::TimedOut);
        // One that is over when it comes.
        let (_near, socket) = pair();
        let handle = spawn_when_readable(socket, Some(deadline), |_, why| why).unwrap();
        assert_eq!(handle.join().unwrap(), Readiness::TimedOut);
        // One that is never reached.
        let (mut near, socket) = pair();
        let handle =
            spawn_when_readable(socket, Some(now() + Duration::from_secs(1)), |_, why| why);
        near.write_all(b"a").unwrap();
        assert_eq!(handle.unwrap().join().unwrap(), Readiness::Ready);
    });
}

#[test]
fn a_cancelled_one_never_runs_and_gives_back_what_it_holds() {
    each_mode(|| {
        let (mut near, socket) = pair();
        let held = Arc::new(());
        let holds = held.clone();
        let handle = spawn_when_readable(socket, None, move |_, _| {
            drop(holds);
            unreachable!()
        });
        let handle = handle.unwrap();
        handle.cancel();
        let ended = handle.join();
        assert!(ended.unwrap_err().is::<Cancelled>());
        assert_eq!(Arc::strong_count(&held), 1);
        assert_eq!(near.read(&mut [0]).unwrap(), 0, "the socket is closed");
        near.write_all(b"a").unwrap_err();
    });
}

#[test]
fn the_end_of_the_runtime_gives_back_what_they_hold() {
    for workers in [1, 2] {
        let _watched = watchdog();
        let held = Arc::new(());
        let nears: Vec<_> = own(workers).run(|| {
            (0..100)
                .map(|_| {
                    let (near, socket) = pair();
                    let holds = held.clone();
                    let hold = move |_: Socket, _| drop(holds);
                    drop(spawn_when_readable(
                        socket,
                        Some(now() + Duration::from_secs(3600)),
                        hold,
                    ));
                    near
                })
                .collect()
        });
        assert_eq!(Arc::strong_count(&held), 1);
        for mut near in nears {
            assert_eq!(near.read(&mut [0]).unwrap(), 0);
        }
    }
}

#[test]
fn a_panic_is_the_joiners() {
    each_mode(|| {
        let (near, socket) = pair();
        let handle = spawn_when_readable(socket, None, |_, _| std::panic::panic_any("on purpose"));
        drop(near);
        let panic = handle.unwrap().join().unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    });
}

#[test]
fn works_from_a_thread_and_from_another_worker() {
    let _watched = watchdog();
    let (mut near, socket) = pair();
    let handle = spawn_when_readable(socket, None, |socket, why| (socket.read(), why)).unwrap();
    near.write_all(b"a").unwrap();
    assert_eq!(handle.join().unwrap(), (Some(b'a'), Readiness::Ready));

    own(2).run(|| {
        let (mut near, socket) = pair();
        let here = greenwood_runtime::worker_index().unwrap();
        // Registers with this worker.
        let socket = spawn_when_readable(socket, Some(now()), |socket, _| socket);
        let socket = socket.unwrap().join().unwrap();
        let builder = greenwood_runtime::Builder::new().placement(Placement::Worker(1 - here));
        let elsewhere = builder.spawn(move || {
            let handle = spawn_when_readable(socket, None, |socket, why| (socket.read(), why));
            handle.unwrap().join().unwrap()
        });
        near.write_all(b"b").unwrap();
        assert_eq!(elsewhere.unwrap().join().unwrap(), (Some(b'b'), Readiness::Ready));
    });
}

/// Each message comes just when the coroutine that read the one before is going to rest.
#[test]
fn no_message_is_lost_between_two_rests() {
    const ROUNDS: u32 = 2_000;

    fn rest(socket: Socket, read: Arc<AtomicUsize>) {
        drop(spawn_when_readable(socket, Some(now() + Duration::from_secs(600)), |socket, _| {
            let read_one = || {
                let mut byte = [0];
                (&socket.0).read(&mut byte)
            };
            let fd = socket.as_fd();
            let mode = || Ok(greenwood_runtime::readiness::Mode::NonBlocking);
            match socket.1.perform_as(fd, Interest::Read, mode, read_one, |_| false) {
                Ok(0) => return,
                Ok(_) => {
                    read.fetch_add(1, Ordering::SeqCst);
                }
                Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::WouldBlock),
            }
            rest(socket, read);
        }));
    }

    let _watched = watchdog();
    own(2).run(|| {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let (mut near, socket) = pair();
                let read = Arc::new(AtomicUsize::new(0));
                rest(socket, read.clone());
                std::thread::spawn(move || {
                    for round in 1..=ROUNDS {
                        near.write_all(b"a").unwrap();
                        while read.load(Ordering::SeqCst) < round as usize {
                            std::hint::spin_loop();
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        until(|| writers.iter().all(|writer| writer.is_finished()));
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}
