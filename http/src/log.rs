//! What operators should know, as lines on standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most one a second: a flood of failures must not become a flood of lines.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

pub(crate) fn error(what: &str, error: impl Display) {
    let now = Instant::now();
    {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| now.duration_since(last) < Duration::from_secs(1)) {
            return;
        }
        *last = Some(now);
    }
    // Not `eprintln!`, which panics when standard error is closed.
    let _ = writeln!(io::stderr(), "greenwood-http: {what}: {error}");
}
