//! Where a patched call may suspend, and where it must block as ever.

mod common;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{Others, patched, until};
use greenwood_patch::{Patches, install};
use greenwood_runtime::{JoinHandle, Runtime, no_yield, spawn};

/// A stream into which another thread writes a byte after a moment.
fn answered() -> UnixStream {
    let (a, mut b) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(5));
        b.write_all(&[7]).unwrap();
    });
    a
}

fn read_byte(stream: &mut UnixStream) -> u8 {
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    byte[0]
}

/// Counts the turns of a coroutine that always wants one.
fn turns() -> (Arc<AtomicUsize>, JoinHandle<()>) {
    let turns = Arc::new(AtomicUsize::new(0));
    let count = turns.clone();
    let other = spawn(move || {
        loop {
            count.fetch_add(1, Ordering::Relaxed);
            greenwood_runtime::sleep(Duration::from_micros(50));
        }
    });
    until(|| turns.load(Ordering::Relaxed) > 0);
    (turns, other)
}

/// Whether others ran during `f`.
fn yields(f: impl FnOnce()) -> bool {
    let (turns, other) = turns();
    let before = turns.load(Ordering::Relaxed);
    f();
    let after = turns.load(Ordering::Relaxed);
    other.cancel();
    after > before
}

#[test]
fn under_no_yield_a_call_blocks() {
    patched(|| {
        let mut stream = answered();
        assert!(!yields(|| no_yield(|| assert_eq!(read_byte(&mut stream), 7))));
        let mut stream = answered();
        assert!(yields(|| assert_eq!(read_byte(&mut stream), 7)));
    });
}

#[test]
fn off_a_coroutine_a_call_blocks_its_thread() {
    patched(|| {
        let thread = std::thread::spawn(|| {
            let mut stream = answered();
            assert!(!greenwood_runtime::may_switch());
            read_byte(&mut stream)
        });
        until(|| thread.is_finished());
        assert_eq!(thread.join().unwrap(), 7);
    });
}

#[test]
fn a_forked_child_reads_and_writes() {
    patched(|| {
        for _ in 0..20 {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            // Somebody waits for it in the parent, so that the child inherits a registration.
            let mut waits = theirs.try_clone().unwrap();
            let fd = theirs.as_raw_fd();
            let waiter = spawn(move || read_byte(&mut waits));
            until(|| waiter.coroutine().waits_for() == Some("read"));
            ours.write_all(&[1]).unwrap();
            assert_eq!(waiter.join().unwrap(), 1);
            // SAFETY: the child makes system calls only, and ends without running anything else.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: buffers of this frame.
                unsafe {
                    let mut byte = 0u8;
                    let read = libc::read(fd, (&raw mut byte).cast(), 1);
                    let wrote = libc::write(fd, (&raw const byte).cast(), 1);
                    let copy = libc::dup(fd);
                    let closed = libc::close(copy);
                    libc::_exit((read, wrote, closed, byte).eq(&(1, 1, 0, 42)).into());
                }
            }
            greenwood_runtime::sleep(Duration::from_millis(1));
            ours.write_all(&[42]).unwrap();
            assert_eq!(read_byte(&mut ours), 42);
            let mut status = 0;
            // SAFETY: a child of ours.
            until(|| unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == child);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 1, "{status:x}");
            // The parent's registration is as it was.
            let mut waits = theirs.try_clone().unwrap();
            let waiter = spawn(move || read_byte(&mut waits));
            until(|| waiter.coroutine().waits_for() == Some("read"));
            ours.write_all(&[2]).unwrap();
            assert_eq!(waiter.join().unwrap(), 2);
        }
    });
}

struct Talks(UnixStream, Arc<AtomicUsize>);

impl Drop for Talks {
    fn drop(&mut self) {
        self.0.write_all(b"bye").unwrap();
        assert_eq!(read_byte(&mut self.0), 7);
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static LAST: RefCell<Option<Talks>> = const { RefCell::new(None) };
}

/// Answers each `bye` with a byte, from a thread.
fn talks(dropped: &Arc<AtomicUsize>) -> Talks {
    let (a, mut b) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        b.read_exact(&mut [0; 3]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        b.write_all(&[7]).unwrap();
    });
    Talks(a, dropped.clone())
}

#[test]
fn destructors_of_thread_locals_talk() {
    patched(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let last = talks(&dropped);
            let coroutine = spawn(move || LAST.set(Some(last)));
            let last = talks(&dropped);
            let thread = std::thread::spawn(move || LAST.set(Some(last)));
            coroutine.join().unwrap();
            until(|| thread.is_finished());
            thread.join().unwrap();
        }
        until(|| dropped.load(Ordering::SeqCst) == 40);
    });
}

/// Panics that the tests want need no report.
fn quietly() {
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&"wanted") {
            eprintln!("{info}");
        }
    }));
}

#[test]
fn destructors_talk_while_a_panic_unwinds() {
    quietly();
    patched(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let others = Others::new();
        let panics: Vec<_> = (0..20)
            .map(|_| {
                let talks = talks(&dropped);
                spawn(move || {
                    let _talks = talks;
                    std::panic::panic_any("wanted");
                })
            })
            .collect();
        others.run_during(|| {
            for one in panics {
                assert_eq!(one.join().unwrap_err().downcast_ref::<&str>(), Some(&"wanted"));
                assert!(!std::thread::panicking());
            }
        });
        assert_eq!(dropped.load(Ordering::SeqCst), 20);
    });
}

#[test]
fn a_panic_storm() {
    const EACH: usize = 500;
    quietly();
    patched(|| {
        struct Says(UnixStream, u8);
        impl Drop for Says {
            fn drop(&mut self) {
                assert_eq!(std::thread::panicking(), self.1 == 1);
                // Answered by a coroutine of the same worker.
                self.0.write_all(&[self.1]).unwrap();
                assert_eq!(read_byte(&mut self.0), self.1);
            }
        }
        let echo = |mut b: UnixStream| {
            spawn(move || {
                let byte = read_byte(&mut b);
                greenwood_runtime::yield_now();
                b.write_all(&[byte]).unwrap();
            })
        };
        let (mut storm, mut calm, mut echoes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..4 {
            for _ in 0..EACH {
                let ((a, b), (c, d)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
                echoes.extend([echo(b), echo(d)]);
                calm.push(spawn(move || drop(Says(a, 2))));
                storm.push(spawn(move || {
                    let _says = Says(c, 1);
                    std::panic::panic_any("wanted");
                }));
            }
            calm.drain(..).for_each(|one| one.join().unwrap());
            storm.drain(..).for_each(|one| drop(one.join().unwrap_err()));
            echoes.drain(..).for_each(|one| one.join().unwrap());
        }
        assert!(!std::thread::panicking());
    });
}

#[test]
fn errno_is_each_ones_own() {
    patched(|| {
        let failing: Vec<_> = (0..10)
            .map(|i| {
                spawn(move || {
                    for _ in 0..50 {
                        // SAFETY: this coroutine's own.
                        unsafe { *libc::__errno_location() = 100 + i };
                        greenwood_runtime::yield_now();
                        // SAFETY: as above.
                        assert_eq!(unsafe { *libc::__errno_location() }, 100 + i);
                        // SAFETY: fails.
                        assert_eq!(unsafe { libc::read(-1, std::ptr::null_mut(), 1) }, -1);
                        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
                    }
                })
            })
            .collect();
        failing.into_iter().for_each(|f| f.join().unwrap());
    });
}

/// This test, again, in a process whose standard output nobody reads at first.
fn in_a_child(name: &str, read: impl FnOnce(std::process::ChildStdout) -> String) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("GREENWOOD_CHILD", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = read(child.stdout.take().unwrap());
    assert!(child.wait().unwrap().success(), "{text}");
    text
}

fn is_child() -> bool {
    std::env::var_os("GREENWOOD_CHILD").is_some()
}

fn shared<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let _watchdog = common::watchdog();
    install(Patches::IO | Patches::SLEEP).unwrap();
    let builder = Runtime::builder().workers(1);
    // SAFETY: nothing here rests on a thread-local over a wait.
    unsafe { builder.shared_thread_locals() }.build().unwrap().run(f)
}

fn slowly(mut pipe: std::process::ChildStdout) -> String {
    let (mut text, mut buf) = (Vec::new(), vec![0; 3000]);
    while let Ok(n @ 1..) = pipe.read(&mut buf) {
        text.extend_from_slice(&buf[..n]);
        std::thread::sleep(Duration::from_micros(300));
    }
    String::from_utf8(text).unwrap()
}

/// With shared thread-locals, the lock of standard output is the thread's: who holds it must not make room.
#[test]
fn shared_standard_output_never_yields() {
    if !is_child() {
        in_a_child("shared_standard_output_never_yields", slowly);
        return;
    }
    shared(|| {
        let long = vec![b'x'; 300_000];
        for fd in [1, 2] {
            // SAFETY: numbers: standard error goes the same way.
            unsafe { libc::dup2(1, 2) };
            // SAFETY: a buffer of ours.
            let write = || unsafe { libc::write(fd, long.as_ptr().cast(), long.len()) };
            assert!(!yields(|| assert_eq!(write(), long.len() as isize)));
        }
        let mut stream = answered();
        assert!(yields(|| assert_eq!(read_byte(&mut stream), 7)));
        // Any other number of the same pipe does.
        // SAFETY: takes a number.
        let copy = unsafe { libc::dup(1) };
        // SAFETY: a buffer of ours.
        assert!(yields(|| unsafe {
            assert!(libc::write(copy, long.as_ptr().cast(), 300_000) > 0)
        }));
    });
}

/// The count of panics is the thread's.
#[test]
fn shared_unwinding_never_yields() {
    quietly();
    shared(|| {
        struct Blocks(UnixStream, Arc<AtomicBool>, Arc<AtomicUsize>);
        impl Drop for Blocks {
            fn drop(&mut self) {
                let before = self.2.load(Ordering::Relaxed);
                assert_eq!(read_byte(&mut self.0), 7);
                self.1.store(self.2.load(Ordering::Relaxed) == before, Ordering::Relaxed);
            }
        }
        let (turns, other) = turns();
        let blocked = Arc::new(AtomicBool::new(false));
        let blocks = Blocks(answered(), blocked.clone(), turns);
        let panics = spawn(move || {
            let _blocks = blocks;
            std::panic::panic_any("wanted");
        });
        panics.join().unwrap_err();
        assert!(blocked.load(Ordering::Relaxed));
        other.cancel();
    });
}

#[test]
fn shared_lines_are_whole() {
    lines("shared_lines_are_whole", shared);
}

/// Many coroutines print lines into a pipe that is read slowly.
fn lines(name: &str, run: fn(Box<dyn FnOnce() + Send>)) {
    if !is_child() {
        let text = in_a_child(name, slowly);
        let whole = |line: &&str| line.len() == 203 && line[3..].bytes().all(|b| b == b'x');
        assert_eq!(text.lines().filter(whole).count(), 50 * 40, "half lines");
        return;
    }
    run(Box::new(|| {
        // The harness has begun a line.
        println!();
        let printers: Vec<_> = (0..50)
            .map(|i| {
                spawn(move || {
                    for _ in 0..40 {
                        println!("{i:03}{}", "x".repeat(200));
                        greenwood_runtime::yield_now();
                    }
                })
            })
            .collect();
        printers.into_iter().for_each(|p| p.join().unwrap());
    }));
}
