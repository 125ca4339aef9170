//! Lines on their way to a writer that may be slow, or never come to an end.

use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use greenwood_runtime::channel::{self, Sender};
use greenwood_runtime::shield;

/// The most bytes that wait.
const LIMIT: usize = 1024 * 1024;

/// Room from the beginning, so that the usual load allocates nothing.
const USUAL: usize = 16 * 1024;

/// Lines that come within this time are written together.
const GATHER: Duration = Duration::from_millis(10);

/// Before another attempt where a descriptor is non-blocking and takes nothing.
const AGAIN: Duration = Duration::from_millis(10);

/// A bounded queue of lines, and the OS thread that writes them.
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: String,
    lost: u64,
    closed: bool,
    /// Who waits until everything is written.
    awaiting: Vec<Sender<()>>,
}

impl Queue {
    pub(super) fn new(out: impl Write + Send + 'static) -> io::Result<Queue> {
        let state = State {
            waiting: String::with_capacity(USUAL),
            lost: 0,
            closed: false,
            awaiting: Vec::new(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let writes = shared.clone();
        let thread = std::thread::Builder::new().name("http-access-log".to_owned());
        thread.spawn(move || writes.write_to(out))?;
        Ok(Queue(shared))
    }

    /// Adds the line that `write` appends, end included, or counts it as lost if it finds no room. Does not suspend.
    pub(super) fn add(&self, write: impl FnOnce(&mut String)) {
        let mut state = self.0.lock();
        let before = state.waiting.len();
        write(&mut state.waiting);
        if state.waiting.len() > LIMIT {
            state.waiting.truncate(before);
            state.lost += 1;
        }
        drop(state);
        if before == 0 {
            self.0.changed.notify_one();
        }
    }

    pub(super) fn lost(&self) -> u64 {
        self.0.lock().lost
    }

    /// Waits until everything is written, at most for `limit`. Suspends.
    pub(super) fn drain(&self, limit: Duration) {
        let (written, is_written) = channel::bounded(1);
        self.0.lock().awaiting.push(written);
        self.0.changed.notify_one();
        // In a shield: by now whoever calls may be about to end.
        let _ = shield(|| is_written.recv_timeout(limit));
    }
}

/// The thread ends once it has written what waits.
impl Drop for Queue {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    /// Never held while lines are written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines as they come, until the queue has gone.
    fn write_to(&self, mut out: impl Write) {
        let mut lines = String::with_capacity(USUAL);
        let mut torn = false;
        loop {
            let mut state = self.lock();
            while state.waiting.is_empty() {
                for waits in state.awaiting.drain(..) {
                    // It is there, or has stopped waiting.
                    let _ = waits.try_send(());
                }
                if state.closed {
                    return;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let gathers = |state: &mut State| !state.closed && state.awaiting.is_empty();
            let waited = self.changed.wait_timeout_while(state, GATHER, gathers);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            std::mem::swap(&mut lines, &mut state.waiting);
            drop(state);
            let lost = write(&mut out, lines.as_bytes(), &mut torn);
            lines.clear();
            if lost > 0 {
                self.lock().lost += lost;
            }
        }
    }
}

/// Writes whole lines; how many were lost. `torn` tells whether the last one that was written has no end.
fn write(out: &mut impl Write, lines: &[u8], torn: &mut bool) -> u64 {
    let mut rest = lines;
    // What panics has at least not written what it was given.
    let result = catch_unwind(AssertUnwindSafe(|| {
        if *torn {
            write_all(out, &mut &b"\n"[..])?;
            *torn = false;
        }
        write_all(out, &mut rest)?;
        out.flush()
    }));
    if let Ok(Ok(())) = result {
        return 0;
    }
    let written = lines.len() - rest.len();
    *torn |= written > 0 && lines[written - 1] != b'\n';
    rest.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Leaves in `bytes` what was not written.
fn write_all(out: &mut impl Write, bytes: &mut &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => *bytes = bytes.get(n..).unwrap_or_default(),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then fails once, then takes everything.
    struct Fails<'a> {
        room: usize,
        failed: bool,
        taken: &'a mut Vec<u8>,
    }

    impl Write for Fails<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let n = if self.failed { bytes.len() } else { bytes.len().min(self.room) };
            if n == 0 {
                self.failed = true;
                return Err(ErrorKind::StorageFull.into());
            }
            self.room = self.room.saturating_sub(n);
            self.taken.extend_from_slice(&bytes[..n]);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Wherever the disk is full: a line that was cut there does not run into the next one, and those that are missing are counted.
    #[test]
    fn lines_stay_apart_after_an_error() {
        let lines = b"first\nsecond\nthird\n";
        for room in 0..lines.len() {
            let (mut taken, mut torn) = (Vec::new(), false);
            let mut out = Fails { room, failed: false, taken: &mut taken };
            let lost = write(&mut out, lines, &mut torn);
            assert_eq!(write(&mut out, b"fourth\n", &mut torn), 0);
            let taken = String::from_utf8(taken).unwrap();
            let whole = ["first", "second", "third"];
            let kept = taken.lines().filter(|line| whole.contains(line)).count() as u64;
            assert!(
                taken.ends_with("fourth\n") && taken.lines().any(|l| l == "fourth"),
                "{taken:?}"
            );
            // One that lacks nothing but its end counts as lost, and is readable all the same.
            assert!(lost + kept == 3 || lost + kept == 4, "{room}: {lost} {taken:?}");
        }
    }
}
