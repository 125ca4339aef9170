//! Why no permit was acquired.

use std::error::Error;
use std::fmt;

/// The [`Semaphore`](super::Semaphore) was [closed](super::Semaphore::close).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError;

/// Why [`Semaphore::try_acquire`](super::Semaphore::try_acquire) got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore was closed.
    Closed,
    /// There are too few permits, or others wait for them.
    NoPermits,
}

/// Why [`Semaphore::acquire_timeout`](super::Semaphore::acquire_timeout) got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcquireTimeoutError {
    /// The semaphore was closed.
    Closed,
    /// The time was over first.
    Timeout,
}

/// A [`Semaphore`](super::Semaphore) would have had more permits than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyPermits;

const CLOSED: &str = "the semaphore is closed";

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => CLOSED,
            TryAcquireError::NoPermits => "no permits are free",
        })
    }
}

impl fmt::Display for AcquireTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AcquireTimeoutError::Closed => CLOSED,
            AcquireTimeoutError::Timeout => "timed out waiting for a permit",
        })
    }
}

impl fmt::Display for TooManyPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more permits than the semaphore may have")
    }
}

impl Error for AcquireError {}
impl Error for TryAcquireError {}
impl Error for AcquireTimeoutError {}
impl Error for TooManyPermits {}
