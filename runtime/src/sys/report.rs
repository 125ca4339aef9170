//! A last word to stderr.

use std::fmt;

/// Prints a line, past std's lock: a coroutine of the caller's own worker may hold that, suspended in a slow write.
pub(crate) fn report(message: fmt::Arguments<'_>) {
    let line = format!("greenwood: {message}\n");
    // SAFETY: reads the line. There is nobody to tell of an error.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}
