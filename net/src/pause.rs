//! Short waits between two tries, for the few conditions that no descriptor's readiness tells.

use std::io;
use std::time::Duration;

use greenwood_runtime::now;
use greenwood_runtime::park::{Reason, Wake, park};

/// Suspends for `length`; ECANCELED if the coroutine is cancelled meanwhile, as for every call that returns
/// `io::Result`.
pub(crate) fn pause(length: Duration, why: &'static Reason) -> io::Result<()> {
    let end = now() + length;
    loop {
        match park(why, Some(end)) {
            Wake::TimedOut => return Ok(()),
            Wake::Interrupted(interruption) => return Err(interruption.into()),
            Wake::Unparked if now() >= end => return Ok(()),
            Wake::Unparked => {}
        }
    }
}

/// Repeats a call that says EAGAIN for a reason which its own descriptor's readiness does not show: a Unix peer whose
/// queue is full. The pauses double from 200 µs to 10 ms. EAGAIN when `timeout` has passed.
pub(crate) fn retry<T>(
    timeout: Option<Duration>,
    why: &'static Reason,
    mut op: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
    let mut length = Duration::from_micros(200);
    loop {
        let error = match op() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => error,
            result => return result,
        };
        let left =
            deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(now()));
        if left.is_zero() {
            return Err(error);
        }
        pause(length.min(left), why)?;
        length = (length * 2).min(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys;

    #[test]
    fn retry_goes_on_until_something_else_happens() {
        let mut calls = 0;
        let result = retry(None, &Reason("test"), || {
            calls += 1;
            if calls < 4 { Err(sys::would_block()) } else { Ok(calls) }
        });
        assert_eq!(result.unwrap(), 4);
        let refused =
            retry(None, &Reason("test"), || Err::<(), _>(io::ErrorKind::ConnectionRefused.into()));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn retry_gives_the_callers_error_on_timeout() {
        let result = retry(Some(Duration::from_millis(1)), &Reason("test"), || {
            Err::<(), _>(sys::would_block())
        });
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EAGAIN));
    }
}
