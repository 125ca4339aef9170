//! select(2) and pselect(2) against what they return without the patch, and while others run.

mod common;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::ptr;
use std::time::{Duration, Instant};

use common::{Others, patched};
use greenwood_runtime::{spawn, timeout};
use libc::{c_int, fd_set, timespec, timeval};

fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn set(fds: &[RawFd]) -> fd_set {
    // SAFETY: zeros are an empty set, and the numbers fit in.
    unsafe {
        let mut set: fd_set = std::mem::zeroed();
        fds.iter().for_each(|&fd| libc::FD_SET(fd, &mut set));
        set
    }
}

fn members(set: &fd_set) -> Vec<RawFd> {
    // SAFETY: numbers that fit in.
    (0..libc::FD_SETSIZE as RawFd).filter(|&fd| unsafe { libc::FD_ISSET(fd, set) }).collect()
}

/// The result, the error's number, and what is in the sets.
type Outcome = (c_int, c_int, [Vec<RawFd>; 3]);

/// By select(2) with microseconds, or pselect(2) with nanoseconds.
fn outcome(sets: [&[RawFd]; 3], time: Option<Duration>, nanos: bool) -> Outcome {
    let mut sets = sets.map(set);
    let [read, write, except] = &mut sets;
    let seconds = time.map_or(0, |t| t.as_secs()) as libc::time_t;
    let mut val =
        timeval { tv_sec: seconds, tv_usec: time.map_or(0, |t| t.subsec_micros()).into() };
    let spec = timespec { tv_sec: seconds, tv_nsec: time.map_or(0, |t| t.subsec_nanos()).into() };
    let count = libc::FD_SETSIZE as c_int;
    // SAFETY: three sets of that size, a time-out, and the caller's own errno.
    let result = unsafe {
        *libc::__errno_location() = 77;
        if nanos {
            let spec = if time.is_some() { &raw const spec } else { ptr::null() };
            libc::pselect(count, read, write, except, spec, ptr::null())
        } else {
            let val = if time.is_some() { &raw mut val } else { ptr::null_mut() };
            libc::select(count, read, write, except, val)
        }
    };
    let errno = io::Error::last_os_error().raw_os_error().unwrap();
    (result, errno, sets.each_ref().map(members))
}

const NOT_OPEN: RawFd = 900;

fn matrix() -> Vec<Outcome> {
    let (idle, _peer) = tcp();
    let (readable, mut writer) = tcp();
    writer.write_all(b"x").unwrap();
    let (hung, closed) = UnixStream::pair().unwrap();
    drop(closed);
    let (gone, broken) = io::pipe().unwrap();
    drop(gone);
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    // The kernel looks at no more than its table has room for.
    // SAFETY: numbers.
    let high = unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, NOT_OPEN + 1) };
    assert!(high > NOT_OPEN);
    let fds = [
        idle.as_raw_fd(),
        readable.as_raw_fd(),
        hung.as_raw_fd(),
        broken.as_raw_fd(),
        file.as_raw_fd(),
        NOT_OPEN,
    ];
    while outcome([&[readable.as_raw_fd()], &[], &[]], None, false).0 != 1 {}
    let mut outcomes = Vec::new();
    for time in [Duration::ZERO, Duration::from_millis(1)] {
        for nanos in [false, true] {
            for which in 0..8u8 {
                let in_set = |set: u8, fds| if which & (1 << set) == 0 { &[][..] } else { fds };
                for one in fds.chunks(1) {
                    let sets = [in_set(0, one), in_set(1, one), in_set(2, one)];
                    outcomes.push(outcome(sets, Some(time), nanos));
                }
                let all = &fds[..5];
                let sets = [in_set(0, all), in_set(1, all), in_set(2, all)];
                outcomes.push(outcome(sets, Some(time), nanos));
            }
        }
    }
    // SAFETY: this test's own.
    unsafe { libc::close(high) };
    // The numbers of the descriptors differ from run to run.
    let place = |fd: &RawFd| fds.iter().position(|f| f == fd).unwrap() as RawFd;
    for (_, _, sets) in &mut outcomes {
        sets.iter_mut().for_each(|set| {
            set.iter_mut().for_each(|fd| *fd = place(fd));
            set.sort();
        });
    }
    outcomes
}

#[test]
fn outcomes_are_those_of_libc() {
    let expected = matrix();
    assert!(
        expected.iter().any(|(n, _, _)| *n == 5) && expected.iter().any(|o| o.1 == libc::EBADF)
    );
    let found = patched(matrix);
    for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
        assert_eq!(expected, found, "case {index}");
    }
    assert_eq!(expected.len(), found.len());
}

fn odd_calls() -> Vec<(c_int, c_int)> {
    let null = ptr::null_mut();
    let wild = 16usize as *mut fd_set;
    let mut negative = timeval { tv_sec: -1, tv_usec: 0 };
    let mut many = timeval { tv_sec: 0, tv_usec: 1_500_000 };
    let large = timespec { tv_sec: 0, tv_nsec: 1_000_000_000 };
    let mut ready = set(&[0]);
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let mut file = set(&[file.as_raw_fd()]);
    // SAFETY: the kernel looks at the addresses.
    let calls: &mut [&mut dyn FnMut() -> c_int] = unsafe {
        &mut [
            &mut || libc::select(-1, null, null, null, ptr::null_mut()),
            &mut || libc::select(1, wild, null, null, ptr::null_mut()),
            &mut || libc::select(1, null, null, wild, ptr::null_mut()),
            &mut || libc::select(0, wild, wild, wild, &mut timeval { tv_sec: 0, tv_usec: 1 }),
            &mut || libc::select(1, &mut ready, null, null, &mut negative),
            &mut || libc::select(libc::FD_SETSIZE as c_int, &mut file, null, null, &mut many),
            &mut || libc::pselect(1, null, null, null, &large, ptr::null()),
            &mut || {
                libc::select(c_int::MAX, null, null, null, &mut timeval { tv_sec: 0, tv_usec: 1 })
            },
        ]
    };
    calls
        .iter_mut()
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
    assert_eq!(expected[1], (-1, libc::EFAULT));
    assert_eq!(expected[4], (-1, libc::EINVAL));
    assert_eq!(patched(odd_calls), expected);
}

#[test]
fn it_wakes_and_tells_the_time_left() {
    patched(|| {
        let (mut a, mut b) = tcp();
        let (idle, _writer) = io::pipe().unwrap();
        let fd = a.as_raw_fd();
        let others = Others::new();
        for with in [&[fd][..], &[fd, idle.as_raw_fd()]] {
            let with = with.to_vec();
            let waiter = spawn(move || {
                let mut read = set(&with);
                let mut left = timeval { tv_sec: 1000, tv_usec: 0 };
                let (null, count) = (ptr::null_mut(), libc::FD_SETSIZE as c_int);
                // SAFETY: a set of that size, and a time-out.
                let n = unsafe { libc::select(count, &mut read, null, null, &mut left) };
                (n, members(&read), left.tv_sec)
            });
            common::until(|| waiter.coroutine().waits_for().is_some());
            others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
            b.write_all(b"x").unwrap();
            let (n, read, left) = waiter.join().unwrap();
            assert_eq!((n, read), (1, vec![fd]));
            assert!((900..1000).contains(&left));
            a.read_exact(&mut [0]).unwrap();
        }
        // Over.
        let mut left = timeval { tv_sec: 0, tv_usec: 2000 };
        let start = Instant::now();
        let null = ptr::null_mut();
        // SAFETY: a time-out.
        let nothing = || unsafe { libc::select(0, null, null, null, &mut left) };
        assert_eq!(others.run_during(nothing), 0);
        assert!(start.elapsed() >= Duration::from_millis(2));
        assert_eq!((left.tv_sec, left.tv_usec), (0, 0));
    });
}

#[test]
fn interruptions_are_errors_and_leave_the_sets_alone() {
    patched(|| {
        // Sockets are reported instead.
        let ((a, _a), (b, _b)) = (io::pipe().unwrap(), io::pipe().unwrap());
        // In the order that sets are read in.
        let (x, y) = (a.as_raw_fd(), b.as_raw_fd());
        let (a, b) = (x.min(y), x.max(y));
        let waiter = spawn(move || {
            [[&[a][..], &[], &[]], [&[a, b][..], &[], &[]]].map(|sets| outcome(sets, None, false))
        });
        common::until(|| waiter.coroutine().waits_for() == Some("read"));
        waiter.cancel();
        let [one, two] = waiter.join().unwrap();
        assert_eq!(one, (-1, libc::ECANCELED, [vec![a], vec![], vec![]]));
        assert_eq!(two, (-1, libc::ECANCELED, [vec![a, b], vec![], vec![]]));
        let within = timeout(Duration::from_millis(1), || outcome([&[a], &[], &[]], None, true));
        assert_eq!(within.unwrap().1, libc::ETIMEDOUT);
    });
}

/// A hang-up is nothing to the third set, but epoll(7) reports it always.
#[test]
fn a_mismatch_of_events_is_no_busy_loop() {
    const MILLIS: u64 = 300;
    fn used() -> Duration {
        // SAFETY: fills the structure.
        let usage = unsafe {
            let mut usage = std::mem::zeroed::<libc::rusage>();
            assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
            usage
        };
        let time = |t: timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
        time(usage.ru_utime) + time(usage.ru_stime)
    }
    patched(|| {
        let (hung, closed) = UnixStream::pair().unwrap();
        drop(closed);
        let before = used();
        let nothing =
            outcome([&[], &[], &[hung.as_raw_fd()]], Some(Duration::from_millis(MILLIS)), false);
        assert_eq!(nothing.0, 0);
        assert!(used() - before < Duration::from_millis(MILLIS / 3), "the worker was busy");
    });
}

#[test]
fn sets_of_more_than_a_thousand() {
    patched(|| {
        let (a, mut b) = tcp();
        // SAFETY: numbers.
        let high = unsafe {
            let limit = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
            libc::fcntl(a.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3000)
        };
        assert!(high >= 3000);
        let waiter = spawn(move || {
            let mut bits = [0u64; 64];
            bits[high as usize / 64] |= 1 << (high % 64);
            let (null, bits) = (ptr::null_mut(), &mut bits);
            // SAFETY: as many bits.
            let n = unsafe {
                libc::select(4096, bits.as_mut_ptr().cast(), null, null, ptr::null_mut())
            };
            (
                n,
                bits[high as usize / 64] >> (high % 64),
                bits.iter().map(|b| b.count_ones()).sum::<u32>(),
            )
        });
        common::until(|| waiter.coroutine().waits_for().is_some());
        b.write_all(b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), (1, 1, 1));
        // SAFETY: this test's own.
        unsafe { libc::close(high) };
    });
}
