//! Waiting for descriptors: pipes, eventfds, several waiters, closing, and moves between runtimes.

mod common;

use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::readiness::{Interest, Source, wait_any, wait_readable, wait_writable};
use greenwood_runtime::{Placement, Runtime, sleep, spawn, yield_now};

/// The reading end of a pipe that waits.
struct Reader {
    source: Source,
    pipe: PipeReader,
}

impl Reader {
    fn new(pipe: PipeReader) -> Reader {
        nonblocking(&pipe);
        Reader { source: Source::new(), pipe }
    }

    fn read(&self, drained: bool) -> io::Result<u8> {
        self.read_for(None, drained)
    }

    fn read_for(&self, timeout: Option<Duration>, drained: bool) -> io::Result<u8> {
        self.source.perform(
            self.pipe.as_fd(),
            Interest::Read,
            timeout,
            || {
                let mut byte = [0];
                match (&self.pipe).read(&mut byte)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    _ => Ok(byte[0]),
                }
            },
            |_| drained,
        )
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.source.close(self.pipe.as_fd());
    }
}

fn nonblocking(fd: &impl AsRawFd) {
    // SAFETY: sets a flag of an open descriptor.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
}

fn eventfd() -> OwnedFd {
    // SAFETY: a fresh descriptor, owned by nobody else.
    unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)) }
}

fn post(event: &OwnedFd) {
    // SAFETY: writes eight bytes that live over the call.
    let n = unsafe { libc::write(event.as_raw_fd(), (&raw const ONE).cast(), 8) };
    assert_eq!(n, 8);
}
static ONE: u64 = 1;

/// Two wait; the first to run takes what there was and says that it is drained. The second must hear of the next byte.
#[test]
fn a_waiter_that_finds_nothing_left_is_woken_again() {
    each_mode(|| {
        for drained in [true, false] {
            let (pipe, mut to) = io::pipe().unwrap();
            let reader = Arc::new(Reader::new(pipe));
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    let reader = reader.clone();
                    spawn(move || reader.read(drained).unwrap())
                })
                .collect();
            until(|| readers.iter().all(|r| r.coroutine().waits_for() == Some("read")));
            let mut sum = 0;
            for byte in 1..=3u8 {
                to.write_all(&[byte]).unwrap();
                // Gives everybody who was woken the time to look and wait again.
                sleep(Duration::from_millis(2));
            }
            for reader in readers {
                sum += reader.join().unwrap();
            }
            assert_eq!(sum, 6);
        }
    });
}

/// The same with readers that go on reading, as several accepting coroutines do on one listener.
#[test]
fn several_loops_on_one_descriptor_all_go_on() {
    each_mode(|| {
        let (pipe, mut to) = io::pipe().unwrap();
        let reader = Arc::new(Reader::new(pipe));
        let taken = Arc::new(AtomicUsize::new(0));
        let loops: Vec<_> = (0..4)
            .map(|_| {
                let (reader, taken) = (reader.clone(), taken.clone());
                // Each takes its ten and leaves, so that the last bytes are the business of whoever is left.
                spawn(move || {
                    for _ in 0..10 {
                        reader.read(false).unwrap();
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        until(|| loops.iter().all(|r| r.coroutine().waits_for() == Some("read")));
        for n in 1..=40 {
            to.write_all(&[7]).unwrap();
            while taken.load(Ordering::Relaxed) < n {
                sleep(Duration::from_micros(100));
            }
        }
        loops.into_iter().for_each(|l| l.join().unwrap());
    });
}

#[test]
fn waiting_yields() {
    each_mode(|| {
        let (event, other) = (eventfd(), Arc::new(AtomicUsize::new(0)));
        let (twin, ran) = (event.try_clone().unwrap(), other.clone());
        spawn(move || {
            ran.store(1, Ordering::Relaxed);
            post(&twin);
        });
        wait_readable(event.as_fd(), None).unwrap();
        assert_eq!(other.load(Ordering::Relaxed), 1);
        // Level-triggered: nothing was read, so it is ready still.
        wait_readable(event.as_fd(), Some(Duration::ZERO)).unwrap();
        wait_writable(event.as_fd(), None).unwrap();
    });
}

#[test]
fn time_outs_bad_descriptors_and_files() {
    each_mode(|| {
        let event = eventfd();
        let kind = |timeout| wait_readable(event.as_fd(), timeout).unwrap_err().kind();
        assert_eq!(kind(Some(Duration::ZERO)), io::ErrorKind::WouldBlock);
        assert_eq!(kind(Some(Duration::from_millis(3))), io::ErrorKind::WouldBlock);
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        wait_readable(file.as_fd(), None).unwrap();
        assert_eq!(wait_any(&[], None).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let none = wait_any(&[], Some(Duration::from_millis(1))).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        // SAFETY: never dereferenced; a number that is no descriptor is what is tested.
        let wrong = unsafe { std::os::fd::BorrowedFd::borrow_raw(1 << 20) };
        assert_eq!(wait_readable(wrong, None).unwrap_err().raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn any_of_several_and_the_same_twice() {
    each_mode(|| {
        let (a, b) = (eventfd(), eventfd());
        let twin = b.try_clone().unwrap();
        spawn(move || post(&twin));
        let read = Interest::Read;
        let all = [(a.as_fd(), read), (a.as_fd(), read), (b.as_fd(), read)];
        assert_eq!(wait_any(&all, None).unwrap(), 2);
    });
}

/// One descriptor, waited for by many one-time waits and by a source at once: none of them is in the others' way.
#[test]
fn one_time_waits_beside_a_source() {
    each_mode(|| {
        let (pipe, mut to) = io::pipe().unwrap();
        let reader = Arc::new(Reader::new(pipe));
        let by_source = {
            let reader = reader.clone();
            spawn(move || {
                reader.source.wait(reader.pipe.as_fd(), Interest::Read, None).unwrap();
            })
        };
        let once: Vec<_> = (0..5)
            .map(|_| {
                let reader = reader.clone();
                spawn(move || wait_readable(reader.pipe.as_fd(), None).unwrap())
            })
            .collect();
        until(|| once.iter().all(|r| r.coroutine().waits_for() == Some("readiness")));
        until(|| by_source.coroutine().waits_for() == Some("read"));
        to.write_all(b"x").unwrap();
        once.into_iter().chain([by_source]).for_each(|h| h.join().unwrap());
    });
}

#[test]
fn closing_wakes_all_waiters() {
    each_mode(|| {
        let (pipe, _to) = io::pipe().unwrap();
        let reader = Arc::new(Reader::new(pipe));
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let reader = reader.clone();
                spawn(move || reader.read(false).unwrap_err().raw_os_error())
            })
            .collect();
        until(|| waiters.iter().all(|r| r.coroutine().waits_for() == Some("read")));
        reader.source.close(reader.pipe.as_fd());
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Some(libc::EBADF));
        }
        assert_eq!(reader.read(false).unwrap_err().raw_os_error(), Some(libc::EBADF));
    });
}

/// The peer's last data and its close come as one event. A reader that says "drained" after the data must still see the end.
#[test]
fn the_end_is_seen_after_a_drained_read() {
    each_mode(|| {
        let (pipe, mut to) = io::pipe().unwrap();
        let reader = Reader::new(pipe);
        let handle = spawn(move || {
            assert_eq!(reader.read(true).unwrap(), 9);
            reader.read(true).unwrap_err().kind()
        });
        until(|| handle.coroutine().waits_for() == Some("read"));
        to.write_all(&[9]).unwrap();
        drop(to);
        assert_eq!(handle.join().unwrap(), io::ErrorKind::UnexpectedEof);
    });
}

/// A source stays with the worker where it was first waited for. Readers on another worker, and on a thread, are served too.
#[test]
fn readers_of_other_workers_and_threads() {
    let _watched = watchdog();
    let runtime = own(2);
    let (pipe, mut to) = io::pipe().unwrap();
    let reader = Arc::new(Reader::new(pipe));
    for worker in [0, 1, 0] {
        let copy = reader.clone();
        let builder = greenwood_runtime::Builder::new().placement(Placement::Worker(worker));
        let handle = runtime.spawn_with(builder, move || copy.read(true).unwrap()).unwrap();
        while handle.coroutine().waits_for() != Some("read") {
            std::thread::yield_now();
        }
        to.write_all(&[worker as u8]).unwrap();
        assert_eq!(handle.join().unwrap(), worker as u8);
        to.write_all(&[42]).unwrap();
        assert_eq!(reader.read(true).unwrap(), 42);
    }
}

#[test]
fn a_source_outlives_its_runtime() {
    let _watched = watchdog();
    let (pipe, mut to) = io::pipe().unwrap();
    let reader = Arc::new(Reader::new(pipe));
    for workers in [1, 2, 1] {
        let runtime = own(workers);
        let copy = reader.clone();
        let handle = runtime.spawn(move || copy.read(true).unwrap());
        while handle.coroutine().waits_for() != Some("read") {
            std::thread::yield_now();
        }
        to.write_all(&[5]).unwrap();
        assert_eq!(handle.join().unwrap(), 5);
        drop(runtime);
    }
}

/// As above, when the first runtime could not end in time: its worker reports no events any more.
#[test]
fn a_source_outlives_a_runtime_that_was_given_up() {
    let _watched = watchdog();
    let (pipe, mut to) = io::pipe().unwrap();
    let reader = Arc::new(Reader::new(pipe));
    let first =
        Runtime::builder().workers(1).shutdown_timeout(Duration::from_millis(20)).build().unwrap();
    let copy = reader.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let stuck = first.spawn(move || {
        tell.send(copy.read(true).unwrap()).unwrap();
        // Goes on whatever happens: yielding is no blocking call.
        loop {
            yield_now();
        }
    });
    while stuck.coroutine().waits_for() != Some("read") {
        std::thread::yield_now();
    }
    to.write_all(&[1]).unwrap();
    assert_eq!(told.recv().unwrap(), 1);
    drop(first);
    let second = own(1);
    let copy = reader.clone();
    let handle = second.spawn(move || copy.read(true).unwrap());
    while handle.coroutine().waits_for() != Some("read") {
        std::thread::yield_now();
    }
    to.write_all(&[2]).unwrap();
    assert_eq!(handle.join().unwrap(), 2);
}

#[test]
fn a_time_out_leaves_the_source_usable() {
    each_mode(|| {
        let (pipe, mut to) = io::pipe().unwrap();
        let reader = Reader::new(pipe);
        for _ in 0..20 {
            let e = reader.read_for(Some(Duration::from_micros(300)), true).unwrap_err();
            assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
        }
        to.write_all(&[3]).unwrap();
        assert_eq!(reader.read(true).unwrap(), 3);
    });
}
