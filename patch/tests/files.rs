//! Regular files: others run while the disk is waited for.

mod common;

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{until, with};
use greenwood_patch::Patches;
use greenwood_runtime::{no_yield, spawn, yield_now};

/// Long enough for others to get turns on most disks, most of the time.
const LARGE: usize = 8 << 20;

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenwood-files-{}-{count}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }

    fn create(&self) -> File {
        File::options().read(true).write(true).create(true).truncate(true).open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn with_files<T: Send + 'static>(f: impl FnOnce(File) -> T + Send + 'static) -> T {
    with(Patches::all() | Patches::FILES, || {
        let scratch = Scratch::new();
        f(scratch.create())
    })
}

fn pattern() -> Vec<u8> {
    (0..LARGE).map(|i| (i / 7) as u8).collect()
}

/// Makes calls, each on what `prepare` has left, until others have run during one: a quick disk may be done before the caller has
/// come to its wait. Where a call blocks the worker, that never happens.
fn lets_others_run(mut prepare: impl FnMut(), mut call: impl FnMut()) {
    let (turns, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (count, end) = (turns.clone(), ends.clone());
    spawn(move || {
        while !end.load(Ordering::Relaxed) {
            count.fetch_add(1, Ordering::Relaxed);
            yield_now();
        }
    });
    loop {
        // Blocks, so that nobody runs on its account.
        no_yield(&mut prepare);
        let before = turns.load(Ordering::Relaxed);
        call();
        if turns.load(Ordering::Relaxed) > before {
            break;
        }
    }
    ends.store(true, Ordering::Relaxed);
}

#[test]
fn large_writes_and_reads() {
    with_files(|file| {
        let bytes = pattern();
        let rewind = || (&file).rewind().unwrap();
        lets_others_run(rewind, || assert_eq!((&file).write(&bytes).unwrap(), LARGE));
        let mut back = vec![0; LARGE];
        lets_others_run(rewind, || assert_eq!((&file).read(&mut back).unwrap(), LARGE));
        assert!(back == bytes);
        assert_eq!((&file).read(&mut back).unwrap(), 0);
        file.set_len(1).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 1);
    });
}

#[test]
fn each_sync_lets_others_run() {
    with_files(|file| {
        let bytes = pattern();
        let fd = file.as_raw_fd();
        let range = |fd| {
            let flags = libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
            // SAFETY: takes numbers.
            unsafe { libc::sync_file_range(fd, 0, 0, flags) }
        };
        // SAFETY: take numbers.
        let syncs: [fn(i32) -> i32; 4] = unsafe {
            [|fd| libc::fsync(fd), |fd| libc::fdatasync(fd), |fd| libc::syncfs(fd), range]
        };
        for sync in syncs {
            let write = || file.write_all_at(&bytes, 0).unwrap();
            lets_others_run(write, || assert_eq!(sync(fd), 0));
        }
        assert_eq!(syncs[0](-1), -1);
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
    });
}

#[test]
fn at_an_offset_and_vectored() {
    with_files(|file| {
        let bytes = pattern();
        lets_others_run(|| {}, || file.write_all_at(&bytes, 5).unwrap());
        assert_eq!((&file).stream_position().unwrap(), 0);
        let mut back = vec![0; LARGE];
        lets_others_run(|| {}, || file.read_exact_at(&mut back, 5).unwrap());
        assert!(back == bytes);

        let rewind = || (&file).rewind().unwrap();
        let (first, second) = bytes.split_at(LARGE / 3);
        lets_others_run(rewind, || {
            let parts = [IoSlice::new(first), IoSlice::new(second)];
            assert_eq!((&file).write_vectored(&parts).unwrap(), LARGE);
        });
        let (mut a, mut b) = (vec![0; LARGE / 2], vec![0; LARGE / 2]);
        lets_others_run(rewind, || {
            let mut parts = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
            assert_eq!((&file).read_vectored(&mut parts).unwrap(), LARGE);
        });
        assert!(a == bytes[..LARGE / 2] && b == bytes[LARGE / 2..]);
    });
}

#[test]
fn copies() {
    with_files(|file| {
        let bytes = pattern();
        file.write_all_at(&bytes, 0).unwrap();
        let scratch = Scratch::new();
        let copy = scratch.create();
        lets_others_run(
            || {
                (&file).rewind().unwrap();
                (&copy).rewind().unwrap();
            },
            || assert_eq!(io::copy(&mut &file, &mut &copy).unwrap(), LARGE as u64),
        );
        assert!(std::fs::read(&scratch.0).unwrap() == bytes);
    });
}

/// Their offset is the same, which the kernel makes one wait for.
#[test]
fn a_small_write_does_not_go_into_a_large_one() {
    with_files(|file| {
        let file = Arc::new(file);
        let bytes = Arc::new(pattern());
        loop {
            (&*file).rewind().unwrap();
            let (large, all) = (file.clone(), bytes.clone());
            let first = spawn(move || (&*large).write_all(&all).unwrap());
            until(|| first.is_finished() || first.coroutine().waits_for() == Some("offload"));
            let small = file.clone();
            let second = spawn(move || (&*small).write_all(&[2]).unwrap());
            let mut waited = false;
            until(|| {
                waited |= second.coroutine().waits_for() == Some("offload");
                second.is_finished()
            });
            first.join().unwrap();
            second.join().unwrap();
            assert_eq!((&*file).stream_position().unwrap(), LARGE as u64 + 1);
            if waited {
                break;
            }
        }
        // Whichever thread was quicker, it is before or behind all of the large one.
        let mut all = vec![0; LARGE + 1];
        file.read_exact_at(&mut all, 0).unwrap();
        assert!(all == [&bytes[..], &[2]].concat() || all == [&[2], &bytes[..]].concat());
    });
}

#[test]
fn a_cancelled_write_is_complete() {
    with_files(|file| {
        let kept = file.try_clone().unwrap();
        let mut file = file;
        let writer = spawn(move || {
            let written = file.write(&vec![3; LARGE]).unwrap();
            let mut byte = [0];
            let (mut ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            // The next call that can be left is.
            (written, ours.read(&mut byte).unwrap_err().raw_os_error())
        });
        // Perhaps the write is over by the time that anybody looks.
        until(|| matches!(writer.coroutine().waits_for(), Some("offload" | "read")));
        writer.cancel();
        assert_eq!(writer.join().unwrap(), (LARGE, Some(libc::ECANCELED)));
        assert_eq!(kept.metadata().unwrap().len(), LARGE as u64);
    });
}

#[test]
fn a_small_transfer_that_waits_for_the_disk() {
    use std::os::unix::fs::OpenOptionsExt;
    with(Patches::all() | Patches::FILES, || {
        let scratch = Scratch::new();
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .custom_flags(libc::O_DSYNC)
            .open(&scratch.0)
            .unwrap();
        let writer = spawn(move || {
            for _ in 0..100 {
                file.write_all(b"durable").unwrap();
            }
        });
        until(|| writer.coroutine().waits_for() == Some("offload"));
        writer.join().unwrap();
        assert_eq!(std::fs::metadata(&scratch.0).unwrap().len(), 700);
    });
}

#[test]
fn errors_are_the_same() {
    with_files(|file| {
        let read_only = File::open("/proc/self/exe").unwrap();
        let code = |result: io::Result<usize>| result.unwrap_err().raw_os_error();
        assert_eq!(code((&read_only).write(&vec![0; LARGE])), Some(libc::EBADF));
        // SAFETY: takes numbers.
        assert_eq!(unsafe { libc::posix_fallocate(-1, 0, 1) }, libc::EBADF);
        // SAFETY: takes numbers.
        assert_eq!(unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, 4096) }, 0);
        assert_eq!(file.metadata().unwrap().len(), 4096);
    });
}
