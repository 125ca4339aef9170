//! What rests takes little memory. In a process of its own, whose memory nobody else moves.

mod common;

use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{own, until, watchdog};
use greenwood_runtime::readiness::{AsSource, Source, spawn_when_readable};
use greenwood_runtime::{now, spawn};

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

#[test]
fn many_rest_without_stacks() {
    const MANY: usize = 2_000;

    fn resident() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    }

    let _watched = watchdog();
    let mut files = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads and writes the structure given.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut files);
        files.rlim_cur = files.rlim_max.min(1 << 16);
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const files);
    }
    own(1).run(|| {
        let pairs: Vec<_> = (0..MANY).map(|_| UnixStream::pair().unwrap()).collect();
        let before = resident();
        let started = Arc::new(AtomicUsize::new(0));
        let nears: Vec<_> = pairs
            .into_iter()
            .map(|(near, far)| {
                let (socket, started) = (Socket(far, Source::new()), started.clone());
                let start = move |_: Socket, _| started.fetch_add(1, Ordering::Relaxed);
                drop(spawn_when_readable(socket, Some(now() + Duration::from_secs(600)), start));
                near
            })
            .collect();
        spawn(|| {}).join().unwrap();
        assert_eq!(started.load(Ordering::Relaxed), 0);
        // A coroutine that waits would touch at least a page.
        let each = resident().saturating_sub(before) / MANY;
        assert!(each < 1024, "{each} bytes each");
        nears.iter().for_each(|mut near| near.write_all(b"x").unwrap());
        until(|| started.load(Ordering::Relaxed) == MANY);
    });
}
