//! Locks of files that another process holds.

mod common;
#[path = "common/helper.rs"]
mod helper;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Others, until, with};
use greenwood_patch::Patches;
use greenwood_runtime::spawn;
use helper::Helper;
use libc::c_int;

fn both() -> Patches {
    Patches::all() | Patches::FILES
}

/// A file of this test's, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenwood-{name}-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        File::create(&path).unwrap();
        Scratch(path)
    }

    fn open(&self) -> File {
        open(self.0.to_str().unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn open(path: &str) -> File {
    File::options().read(true).write(true).open(path).unwrap()
}

fn result(code: c_int) -> Result<(), c_int> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error().raw_os_error().unwrap()) }
}

fn flock(file: &File, operation: c_int) -> Result<(), c_int> {
    flock_fd(file.as_raw_fd(), operation)
}

fn flock_fd(fd: c_int, operation: c_int) -> Result<(), c_int> {
    // SAFETY: takes numbers.
    result(unsafe { libc::flock(fd, operation) })
}

fn lockf(file: &File) -> Result<(), c_int> {
    // SAFETY: takes numbers.
    result(unsafe { libc::lockf(file.as_raw_fd(), libc::F_LOCK, 0) })
}

fn record(file: &File, command: c_int, kind: c_int, start: i64) -> Result<(), c_int> {
    // SAFETY: all zeros are a valid value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_whence) = (kind as _, libc::SEEK_SET as _);
    (lock.l_start, lock.l_len) = (start, 1);
    // SAFETY: a structure as these commands take it.
    result(unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const lock) })
}

/// Not a test of its own: what the other process does.
#[test]
fn helper_process() {
    let Some(task) = helper::task() else { return };
    let (what, path) = task.split_once(' ').unwrap();
    let file = open(path);
    match what {
        "flock" => flock(&file, libc::LOCK_EX).unwrap(),
        "record" => record(&file, libc::F_SETLKW, libc::F_WRLCK, 0).unwrap(),
        "cross" => {
            record(&file, libc::F_SETLKW, libc::F_WRLCK, 0).unwrap();
            helper::say("held");
            assert!(helper::heed());
            // The test holds this one, and waits for the other.
            helper::say(match record(&file, libc::F_SETLKW, libc::F_WRLCK, 1) {
                Ok(()) => "got it",
                Err(libc::EDEADLK) => "deadlock",
                Err(_) => "failed",
            });
            helper::heed();
            return;
        }
        _ => unreachable!(),
    }
    helper::say("held");
    helper::heed();
    drop(file);
    helper::say("released");
    helper::heed();
}

/// Takes a lock that the helper holds, and lets it go when others have run.
fn contended(what: &'static str, lock: impl Fn(&File) -> Result<(), c_int> + Send + 'static) {
    with(both(), move || {
        let scratch = Scratch::new(what);
        let mut helper =
            Helper::start("helper_process", &format!("{what} {}", scratch.0.display()));
        assert_eq!(helper.hear(), "held");
        let others = Others::new();
        let file = scratch.open();
        let waiter = spawn(move || lock(&file));
        until(|| waiter.coroutine().waits_for() == Some("offload"));
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(5)));
        assert!(!waiter.is_finished());
        helper.go_on();
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
}

#[test]
fn flock_waits_for_another_process() {
    contended("flock", |file| flock(file, libc::LOCK_EX));
}

#[test]
fn shared_flock_waits_too() {
    contended("flock", |file| flock(file, libc::LOCK_SH));
}

#[test]
fn fcntl_waits_for_another_process() {
    contended("record", |file| record(file, libc::F_SETLKW, libc::F_WRLCK, 0));
}

#[test]
fn open_file_description_locks_wait() {
    contended("record", |file| record(file, libc::F_OFD_SETLKW, libc::F_RDLCK, 0));
}

#[test]
fn lockf_waits() {
    contended("record", lockf);
}

#[test]
fn without_waiting_nothing_changes() {
    with(both(), || {
        let scratch = Scratch::new("nb");
        let (a, b) = (scratch.open(), scratch.open());
        flock(&a, libc::LOCK_EX).unwrap();
        assert_eq!(flock(&b, libc::LOCK_EX | libc::LOCK_NB), Err(libc::EWOULDBLOCK));
        assert_eq!(flock(&b, 0), Err(libc::EINVAL));
        flock(&a, libc::LOCK_UN).unwrap();
        flock(&b, libc::LOCK_EX).unwrap();
        assert_eq!(flock_fd(-1, libc::LOCK_EX), Err(libc::EBADF));
        record(&a, libc::F_OFD_SETLKW, libc::F_WRLCK, 0).unwrap();
        assert_eq!(record(&b, libc::F_OFD_SETLK, libc::F_WRLCK, 0), Err(libc::EAGAIN));
    });
}

/// One coroutine holds the lock over a wait, and all of them share one worker.
#[test]
fn coroutines_exclude_each_other() {
    with(both(), || {
        // More than there are threads for this, so that some must try again and again.
        const COROUTINES: usize = 100;
        let scratch = Scratch::new("many");
        let path = scratch.0.to_str().unwrap().to_owned();
        let inside = Arc::new(AtomicUsize::new(0));
        let all: Vec<_> = (0..COROUTINES)
            .map(|_| {
                let (path, inside) = (path.clone(), inside.clone());
                spawn(move || {
                    let file = open(&path);
                    flock(&file, libc::LOCK_EX).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    greenwood_runtime::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        // Offloaded work still finds a thread.
        assert_eq!(greenwood_runtime::offload(|| 1), 1);
        all.into_iter().for_each(|c| c.join().unwrap());
    });
}

#[test]
fn a_cancelled_waiter_leaves_nothing_behind() {
    with(both(), || {
        for command in [None, Some(libc::F_OFD_SETLKW)] {
            let scratch = Scratch::new("cancel");
            let (holder, file, third) = (scratch.open(), scratch.open(), scratch.open());
            let lock = move |file: &File, waits: bool| match command {
                None => flock(file, libc::LOCK_EX | if waits { 0 } else { libc::LOCK_NB }),
                Some(_) if waits => record(file, libc::F_OFD_SETLKW, libc::F_WRLCK, 0),
                Some(_) => record(file, libc::F_OFD_SETLK, libc::F_WRLCK, 0),
            };
            lock(&holder, true).unwrap();
            let kept = file.try_clone().unwrap();
            let waiter = spawn(move || lock(&file, true));
            until(|| waiter.coroutine().waits_for() == Some("offload"));
            waiter.cancel();
            assert_eq!(waiter.join().unwrap(), Err(libc::ECANCELED));
            drop(holder);
            // The description that the cancelled call was for is still open: it must not hold the lock now, or later.
            greenwood_runtime::sleep(Duration::from_millis(5));
            lock(&third, false).unwrap();
            drop(kept);
        }
    });
}

/// Those too for whom there is no thread.
#[test]
fn a_crowd_of_waiters_is_cancelled() {
    with(both(), || {
        let scratch = Scratch::new("crowd");
        let (holder, third) = (scratch.open(), scratch.open());
        flock(&holder, libc::LOCK_EX).unwrap();
        let crowd: Vec<_> = (0..80)
            .map(|_| {
                let file = scratch.open();
                spawn(move || (flock(&file, libc::LOCK_EX), file))
            })
            .collect();
        let waits = |reason| {
            move |c: &&greenwood_runtime::JoinHandle<_>| c.coroutine().waits_for() == Some(reason)
        };
        until(|| {
            let elsewhere = crowd.iter().filter(waits("offload")).count();
            let here = crowd.iter().filter(waits("file lock")).count();
            elsewhere > 0 && here > 0 && elsewhere + here == crowd.len()
        });
        crowd.iter().for_each(|waiter| waiter.cancel());
        let crowd: Vec<_> = crowd.into_iter().map(|waiter| waiter.join().unwrap()).collect();
        assert!(crowd.iter().all(|(result, _)| *result == Err(libc::ECANCELED)));
        drop(holder);
        flock(&third, libc::LOCK_EX | libc::LOCK_NB).unwrap();
    });
}

#[test]
fn a_time_out_ends_the_wait() {
    with(both(), || {
        let scratch = Scratch::new("timeout");
        let (holder, file) = (scratch.open(), scratch.open());
        flock(&holder, libc::LOCK_EX).unwrap();
        let ended =
            greenwood_runtime::timeout(Duration::from_millis(5), || flock(&file, libc::LOCK_EX));
        assert!(!matches!(ended, Ok(Ok(()))));
        drop(holder);
        flock(&file, libc::LOCK_EX).unwrap();
    });
}

#[test]
fn the_kernel_finds_deadlocks() {
    with(both(), || {
        let scratch = Scratch::new("deadlock");
        let mut helper = Helper::start("helper_process", &format!("cross {}", scratch.0.display()));
        assert_eq!(helper.hear(), "held");
        let file = scratch.open();
        record(&file, libc::F_SETLKW, libc::F_WRLCK, 1).unwrap();
        let kept = file.try_clone().unwrap();
        let waiter = spawn(move || record(&file, libc::F_SETLKW, libc::F_WRLCK, 0));
        until(|| waiter.coroutine().waits_for() == Some("offload"));
        // The thread may still be on its way into the kernel: whoever comes second is told.
        helper.go_on();
        let first = spawn(move || (helper.hear(), helper));
        until(|| first.is_finished() || waiter.is_finished());
        if first.is_finished() {
            assert_eq!(first.join().unwrap().0, "deadlock");
            // The helper ends, and its lock is free.
            assert_eq!(waiter.join().unwrap(), Ok(()));
        } else {
            assert_eq!(waiter.join().unwrap(), Err(libc::EDEADLK));
            // Closing the file has let its lock go.
            assert_eq!(first.join().unwrap().0, "got it");
        }
        drop(kept);
    });
}

#[test]
fn only_files() {
    // Other tests of this process may have turned on more; each of these functions is this group's alone.
    with(Patches::FILES, || {
        let scratch = Scratch::new("only");
        let (holder, file) = (scratch.open(), scratch.open());
        flock(&holder, libc::LOCK_EX).unwrap();
        let others = Others::new();
        let waiter = spawn(move || flock(&file, libc::LOCK_EX));
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(5)));
        drop(holder);
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
}
