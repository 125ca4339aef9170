//! What becomes of those who wait when a descriptor's number changes its meaning, and of what the user has set.

mod common;
#[path = "common/objects.rs"]
#[allow(dead_code)]
mod objects;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Others, until, watchdog};
use greenwood_patch::{Patches, install};
use greenwood_runtime::{Builder, JoinHandle, Placement, Runtime, spawn};
use libc::c_int;
use objects::{pair, pipe, terminal};

/// Numbers are the process's: tests that reuse them take turns.
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn on<T: Send + 'static>(workers: usize, f: impl FnOnce() -> T + Send + 'static) -> T {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let _watchdog = watchdog();
    install(Patches::all()).unwrap();
    Runtime::builder().workers(workers).build().unwrap().run(f)
}

/// What a system call returned: a count and the first byte, or the error's number.
type Got = Result<(isize, u8), c_int>;

fn got(n: isize, byte: u8) -> Got {
    if n < 0 { Err(io::Error::last_os_error().raw_os_error().unwrap()) } else { Ok((n, byte)) }
}

fn read(fd: RawFd) -> Got {
    let mut buf = [0u8; 8];
    // SAFETY: room for eight.
    let n = unsafe { libc::read(fd, buf.as_mut_ptr().cast(), 8) };
    got(n, buf[0])
}

fn accept(fd: RawFd) -> Got {
    // SAFETY: no address is asked for.
    let new = unsafe { libc::accept(fd, std::ptr::null_mut(), std::ptr::null_mut()) };
    got(new as isize, 0)
}

fn write_all(fd: RawFd) -> Got {
    let bytes = vec![0u8; 4 << 20];
    // SAFETY: a buffer of that length.
    got(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) }, 0)
}

/// Starts a coroutine that waits in `call`, on a worker of its own if there is one, and lets it.
fn waiting(fd: RawFd, call: fn(RawFd) -> Got, worker: usize) -> JoinHandle<Got> {
    let waiter =
        Builder::new().placement(Placement::Worker(worker)).spawn(move || call(fd)).unwrap();
    until(|| matches!(waiter.coroutine().waits_for(), Some("read" | "write")));
    waiter
}

fn close(fd: RawFd) {
    // SAFETY: a number that the caller owns.
    assert_eq!(unsafe { libc::close(fd) }, 0);
}

/// A system call that nobody stands in front of.
fn raw(number: libc::c_long, a: c_int, b: c_int) -> isize {
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: close and dup2 take numbers; what the kernel clobbers is declared.
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") number as isize => result, in("rdi") a as isize, in("rsi") b as isize, in("rdx") 0, out("rcx") _, out("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("svc 0", in("x8") number, inlateout("x0") a as isize => result, in("x1") b as isize, in("x2") 0, options(nostack));
    }
    result
}

fn closed_behind_our_back(fd: RawFd) {
    assert_eq!(raw(libc::SYS_close, fd, 0), 0);
}

/// `fd` becomes another name for `old`, unseen, as a number that was closed and reused.
fn reused_behind_our_back(old: &impl AsRawFd, fd: RawFd) {
    assert_eq!(raw(libc::SYS_dup3, old.as_raw_fd(), fd), fd as isize);
}

/// Something to wait for, and what keeps it from ending.
type Awaited = (&'static str, fn() -> (OwnedFd, OwnedFd), fn(RawFd) -> Got);

fn awaited() -> Vec<Awaited> {
    vec![
        ("unix stream", || pair(libc::SOCK_STREAM), read),
        ("packets", || pair(libc::SOCK_SEQPACKET), read),
        ("tcp", tcp, read),
        ("tcp, full", tcp, write_all),
        ("listener", listener, accept),
        ("pipe", pipe, read),
        (
            "pipe, full",
            || {
                let (a, b) = pipe();
                (b, a)
            },
            write_all,
        ),
        (
            "terminal",
            || {
                let (m, s) = terminal();
                (s, m)
            },
            read,
        ),
        ("eventfd", eventfd, read),
    ]
}

fn tcp() -> (OwnedFd, OwnedFd) {
    let (a, b) = objects::tcp();
    (a.into(), b.into())
}

fn listener() -> (OwnedFd, OwnedFd) {
    (
        std::net::TcpListener::bind("127.0.0.1:0").unwrap().into(),
        File::open("/dev/null").unwrap().into(),
    )
}

fn eventfd() -> (OwnedFd, OwnedFd) {
    // SAFETY: takes numbers; the result is ours.
    let fd = unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC)) };
    (fd, File::open("/dev/null").unwrap().into())
}

/// A socket with a byte in it that nobody else is to get.
fn foreign() -> (OwnedFd, UnixStream) {
    let (a, mut b) = UnixStream::pair().unwrap();
    b.write_all(b"F").unwrap();
    (a.into(), b)
}

#[test]
fn whoever_waits_for_a_closed_descriptor_is_told() {
    for workers in [1, 2] {
        on(workers, move || {
            for (name, make, call) in awaited() {
                for way in 0..5 {
                    let (awaited, _peer) = make();
                    let fd = awaited.into_raw_fd();
                    let waiter = waiting(fd, call, workers - 1);
                    let (other, _theirs) = foreign();
                    // SAFETY: numbers that are ours.
                    unsafe {
                        match way {
                            0 => close(fd),
                            1 => assert_eq!(libc::dup2(other.as_raw_fd(), fd), fd),
                            2 => assert_eq!(libc::dup3(other.as_raw_fd(), fd, libc::O_CLOEXEC), fd),
                            3 => assert_eq!(libc::close_range(fd as u32, fd as u32, 0), 0),
                            _ => drop(OwnedFd::from_raw_fd(fd)),
                        }
                        // The number is somebody else's at once, before the waiter has run.
                        if !matches!(way, 1 | 2) {
                            assert_eq!(libc::dup2(other.as_raw_fd(), fd), fd);
                        }
                    }
                    let result = waiter.join().unwrap();
                    // What was sent before tells of itself.
                    let expected = matches!(result, Err(libc::EBADF));
                    assert!(expected, "{name}, {way}: {result:?}");
                    assert_eq!(read(fd), Ok((1, b'F')), "{name}, {way}");
                    close(fd);
                }
            }
        });
    }
}

#[test]
fn what_closes_nothing_wakes_nobody() {
    on(1, || {
        let (a, b) = pair(libc::SOCK_STREAM);
        let fd = a.as_raw_fd();
        let waiter = waiting(fd, read, 0);
        // SAFETY: numbers; all of these fail, or change nothing.
        unsafe {
            assert_eq!(libc::dup2(-1, fd), -1);
            assert_eq!(libc::dup2(fd, fd), fd);
            assert_eq!(libc::dup3(-1, fd, 0), -1);
            assert_eq!(libc::dup3(fd, fd, 0), -1);
            assert_eq!(libc::dup3(b.as_raw_fd(), fd, 1), -1);
            assert_eq!(libc::close_range(fd as u32, fd as u32, libc::CLOSE_RANGE_CLOEXEC as _), 0);
            assert_eq!(libc::close_range(fd as u32 + 1, fd as u32, 0), -1);
        }
        // A child that shares the number, not the waiter.
        // SAFETY: the child only makes system calls.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: as above.
            unsafe {
                libc::close(fd);
                libc::_exit(0);
            }
        }
        // SAFETY: a child of ours.
        assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
        objects::send(&b, b"x");
        assert_eq!(waiter.join().unwrap(), Ok((1, b'x')));
    });
}

#[test]
fn shutdown_wakes_who_reads_and_who_accepts() {
    for workers in [1, 2] {
        on(workers, move || {
            for (make, call, expected) in [
                (tcp as fn() -> _, read as fn(_) -> _, Ok((0, 0))),
                (|| pair(libc::SOCK_STREAM), read, Ok((0, 0))),
                (|| pair(libc::SOCK_DGRAM), read, Ok((0, 0))),
                (listener, accept, Err(libc::EINVAL)),
            ] {
                let (a, _b) = make();
                let waiter = waiting(a.as_raw_fd(), call, workers - 1);
                objects::shutdown(&a, libc::SHUT_RD);
                assert_eq!(waiter.join().unwrap(), expected);
            }
        });
    }
}

#[test]
fn numbers_that_are_reused_unseen() {
    for workers in [1, 2] {
        on(workers, move || {
            for (name, make, call) in awaited() {
                let (awaited, _peer) = make();
                let fd = awaited.into_raw_fd();
                let waiter = waiting(fd, call, workers - 1);
                // For every kind of file that the number may stand for next.
                let (next, theirs): (OwnedFd, OwnedFd) = match name {
                    "pipe" => pair(libc::SOCK_STREAM),
                    "tcp" | "terminal" => pipe(),
                    "eventfd" => {
                        let (e, _) = eventfd();
                        (e.try_clone().unwrap(), e)
                    }
                    _ => tcp(),
                };
                closed_behind_our_back(fd);
                reused_behind_our_back(&next, fd);
                drop(next);
                // Who waits for the number's new meaning gets that, and who waited for the old one is told.
                let reader = spawn(move || {
                    loop {
                        match read(fd) {
                            // Of a socket that was waited for under its old meaning only time tells; then both are told.
                            Err(libc::EBADF) => {}
                            result => return result,
                        }
                    }
                });
                until(|| reader.coroutine().waits_for() == Some("read"));
                assert_eq!(waiter.join().unwrap(), Err(libc::EBADF), "{name}");
                objects::send(&theirs, &1u64.to_ne_bytes());
                assert_eq!(reader.join().unwrap(), Ok((8, 1)), "{name}");
                close(fd);
            }
        });
    }
}

#[test]
fn what_was_remembered_of_a_number_is_looked_up_again() {
    on(1, || {
        let kinds: [fn() -> (OwnedFd, OwnedFd); 6] = [
            tcp,
            pipe,
            || pair(libc::SOCK_STREAM),
            || {
                let (m, s) = terminal();
                (s, m)
            },
            || pair(libc::SOCK_DGRAM),
            || (File::open("/proc/self/comm").unwrap().into(), File::open("/").unwrap().into()),
        ];
        for before in kinds {
            for after in kinds {
                let (old, theirs) = before();
                let fd = old.into_raw_fd();
                objects::send(&theirs, b"12345678");
                read(fd).unwrap();
                let (new, theirs) = after();
                closed_behind_our_back(fd);
                reused_behind_our_back(&new, fd);
                objects::send(&theirs, b"abcdefgh");
                let (n, first) = read(fd).unwrap();
                assert!(n > 0 && first != b'1', "{n} {first}");
                close(fd);
            }
        }
    });
}

#[test]
fn clones_are_read_from_two_coroutines() {
    for workers in [1, 2] {
        on(workers, move || {
            const BYTES: usize = 4000;
            let (a, mut b) = UnixStream::pair().unwrap();
            let sum = Arc::new(AtomicUsize::new(0));
            let readers: Vec<_> = (0..4)
                .map(|i| {
                    let (mut a, sum) = (a.try_clone().unwrap(), sum.clone());
                    let read = move || {
                        let mut buf = [0; 7];
                        while let Ok(n @ 1..) = a.read(&mut buf) {
                            sum.fetch_add(n, Ordering::Relaxed);
                        }
                    };
                    Builder::new().placement(Placement::Worker(i % workers)).spawn(read).unwrap()
                })
                .collect();
            for _ in 0..BYTES / 10 {
                b.write_all(&[1; 10]).unwrap();
                greenwood_runtime::yield_now();
            }
            drop((a, b));
            readers.into_iter().for_each(|r| r.join().unwrap());
            assert_eq!(sum.load(Ordering::Relaxed), BYTES);
        });
    }
}

#[test]
fn two_readers_of_one_eventfd() {
    on(1, || {
        let (fd, _) = eventfd();
        let number = fd.as_raw_fd();
        let readers = [waiting(number, read, 0), waiting(number, read, 0)];
        // Both are woken by the first, which is for one of them.
        for _ in &readers {
            objects::send(&fd, &1u64.to_ne_bytes());
            until(|| readers.iter().any(|r| r.is_finished()));
        }
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Ok((8, 1)));
        }
    });
}

#[test]
fn one_socket_by_both_names() {
    on(1, || {
        let listener = greenwood_net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = spawn(move || listener.accept().unwrap().0);
        let mut client = greenwood_net::TcpStream::connect(address).unwrap();
        let mut peer = server.join().unwrap();
        let fd = client.as_raw_fd();
        for round in 0..50u8 {
            let by_number = spawn(move || read(fd));
            until(|| by_number.coroutine().waits_for() == Some("read"));
            peer.write_all(&[round]).unwrap();
            assert_eq!(by_number.join().unwrap(), Ok((1, round)));
            let by_type = spawn(move || {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                (client, byte[0])
            });
            until(|| by_type.coroutine().waits_for() == Some("read"));
            peer.write_all(&[round]).unwrap();
            let (back, byte) = by_type.join().unwrap();
            client = back;
            assert_eq!(byte, round);
        }
        let waiter = waiting(fd, read, 0);
        drop(client);
        assert_eq!(waiter.join().unwrap(), Err(libc::EBADF));
    });
}

/// The process's open descriptors, and those that its epoll instances have.
fn held() -> (usize, usize) {
    let (mut open, mut registered) = (0, 0);
    for entry in std::fs::read_dir("/proc/self/fdinfo").unwrap() {
        open += 1;
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        registered += text.lines().filter(|line| line.starts_with("tfd:")).count();
    }
    (open, registered)
}

#[test]
fn nothing_is_kept_of_closed_descriptors() {
    on(1, || {
        let round = || {
            for _ in 0..100 {
                for (make, call) in [
                    (tcp as fn() -> _, read as fn(_) -> _),
                    (pipe, read),
                    (listener, accept),
                    (eventfd, read),
                ] {
                    let (a, _b) = make();
                    let waiter = waiting(a.as_raw_fd(), call, 0);
                    drop(a);
                    assert_eq!(waiter.join().unwrap(), Err(libc::EBADF));
                }
            }
        };
        round();
        let before = held();
        for _ in 0..7 {
            round();
        }
        assert_eq!(held(), before);
    });
}

fn flags(fd: RawFd) -> c_int {
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(fd, libc::F_GETFL) }
}

#[test]
fn nobody_sees_a_descriptor_made_nonblocking() {
    on(1, || {
        for (name, make, call) in awaited() {
            let (a, _b) = make();
            let fd = a.as_raw_fd();
            let before = flags(fd);
            assert_eq!(before & libc::O_NONBLOCK, 0);
            let waiter = waiting(fd, call, 0);
            assert_eq!(flags(fd), before, "{name}");
            // SAFETY: takes numbers: the child is to have it.
            unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
            let child = "read -r l; read -r l; echo $l";
            let output = Command::new("sh")
                .args(["-c", &format!("{{ {child}; }} < /proc/self/fdinfo/{fd}")])
                .output()
                .unwrap();
            let seen = String::from_utf8(output.stdout).unwrap();
            let seen =
                i32::from_str_radix(seen.trim().trim_start_matches("flags:").trim(), 8).unwrap();
            assert_eq!(seen & libc::O_NONBLOCK, 0, "{name}");
            drop(a);
            waiter.join().unwrap().unwrap_err();
        }
    });
}

#[test]
fn modes_change_while_somebody_waits() {
    on(1, || {
        for by_ioctl in [false, true] {
            for (a, b) in [pair(libc::SOCK_STREAM), pipe(), tcp()] {
                let fd = a.as_raw_fd();
                let set = |on: bool| {
                    // SAFETY: numbers, and the address of one.
                    unsafe {
                        if by_ioctl {
                            let mut on = c_int::from(on);
                            assert_eq!(libc::ioctl(fd, libc::FIONBIO, &raw mut on), 0);
                        } else {
                            let rest = flags(fd) & !libc::O_NONBLOCK;
                            let new = if on { rest | libc::O_NONBLOCK } else { rest };
                            assert_eq!(libc::fcntl(fd, libc::F_SETFL, new), 0);
                        }
                    }
                };
                let waiter = waiting(fd, read, 0);
                set(true);
                assert_ne!(flags(fd) & libc::O_NONBLOCK, 0);
                // Who waits already goes on.
                objects::send(&b, b"1");
                assert_eq!(waiter.join().unwrap(), Ok((1, b'1')));
                assert_eq!(read(fd), Err(libc::EAGAIN));
                set(false);
                assert_eq!(flags(fd) & libc::O_NONBLOCK, 0);
                let waiter = waiting(fd, read, 0);
                objects::send(&b, b"2");
                assert_eq!(waiter.join().unwrap(), Ok((1, b'2')));
            }
        }
    });
}

#[test]
fn several_wait_while_others_come_and_go() {
    on(2, || {
        let others = Others::new();
        // Numbers are closed and reused all the time, on both workers; each reader gets its own byte or is told.
        let loops: Vec<_> = (0..8u8)
            .map(|i| {
                let churn = move || {
                    for round in 0..100u8 {
                        let (mut a, mut b) = UnixStream::pair().unwrap();
                        let fd = a.as_raw_fd();
                        let waiter = spawn(move || read(fd));
                        if round % 2 == 0 {
                            b.write_all(&[i]).unwrap();
                            assert!(matches!(waiter.join().unwrap(), Ok((1, byte)) if byte == i));
                            b.write_all(&[i]).unwrap();
                            let mut own = [0];
                            a.read_exact(&mut own).unwrap();
                            assert_eq!(own[0], i);
                        } else {
                            until(|| {
                                waiter.is_finished() || waiter.coroutine().waits_for().is_some()
                            });
                            drop(a);
                            assert_eq!(waiter.join().unwrap(), Err(libc::EBADF));
                        }
                    }
                };
                Builder::new().placement(Placement::Worker(i as usize % 2)).spawn(churn).unwrap()
            })
            .collect();
        others.run_during(|| loops.into_iter().for_each(|l| l.join().unwrap()));
        greenwood_runtime::sleep(Duration::from_millis(1));
    });
}
