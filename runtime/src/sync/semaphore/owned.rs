//! Acquiring permits that keep their semaphore alive.

use std::sync::Arc;
use std::time::Duration;

use super::{AcquireError, AcquireTimeoutError, OwnedPermit, Semaphore, TryAcquireError};

impl Semaphore {
    /// [`Semaphore::acquire`] of a permit that can go anywhere.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    pub fn acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, AcquireError> {
        self.acquire_many_owned(1)
    }

    /// [`Semaphore::acquire_many`] of permits that can go anywhere.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    pub fn acquire_many_owned(
        self: &Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, AcquireError> {
        match self.permits.take(permits, None) {
            Ok(()) => Ok(OwnedPermit { semaphore: self.clone(), permits }),
            Err(_) => Err(AcquireError),
        }
    }

    /// [`Semaphore::try_acquire`] of a permit that can go anywhere.
    ///
    /// # Errors
    /// If none is free, somebody waits, or the semaphore is closed.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// [`Semaphore::try_acquire_many`] of permits that can go anywhere.
    ///
    /// # Errors
    /// If too few are free, somebody waits, or the semaphore is closed.
    pub fn try_acquire_many_owned(
        self: &Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, TryAcquireError> {
        self.permits.try_take(permits)?;
        Ok(OwnedPermit { semaphore: self.clone(), permits })
    }

    /// [`Semaphore::acquire_timeout`] of a permit that can go anywhere.
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    pub fn acquire_owned_timeout(
        self: &Arc<Self>,
        timeout: Duration,
    ) -> Result<OwnedPermit, AcquireTimeoutError> {
        self.acquire_many_owned_timeout(1, timeout)
    }

    /// [`Semaphore::acquire_many_timeout`] of permits that can go anywhere.
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    pub fn acquire_many_owned_timeout(
        self: &Arc<Self>,
        permits: usize,
        timeout: Duration,
    ) -> Result<OwnedPermit, AcquireTimeoutError> {
        self.permits.take(permits, crate::now().checked_add(timeout))?;
        Ok(OwnedPermit { semaphore: self.clone(), permits })
    }
}
