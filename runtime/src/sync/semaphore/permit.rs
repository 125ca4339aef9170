//! Permits, which go back to their semaphore when they are dropped.

use std::fmt;
use std::sync::Arc;

use super::Semaphore;

/// Permits of a [`Semaphore`]. Dropping it gives them back.
///
/// ```
/// use greenwood_runtime::sync::Semaphore;
///
/// let semaphore = Semaphore::new(5);
/// let mut three = semaphore.acquire_many(3).unwrap();
/// let one = three.split(1).unwrap();
/// drop(three);
/// assert_eq!((one.num_permits(), semaphore.available_permits()), (1, 4));
/// ```
#[must_use = "a permit that is dropped at once limits nothing"]
pub struct Permit<'a> {
    pub(super) semaphore: &'a Semaphore,
    pub(super) permits: usize,
}

/// Permits of a [`Semaphore`] that keep it alive, so that they can go anywhere. Dropping it gives them back.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::sync::Arc;
/// use greenwood_runtime::{spawn, sync::Semaphore};
///
/// let at_most_two = Arc::new(Semaphore::new(2));
/// let workers: Vec<_> = (0..10)
///     .map(|n| {
///         let permit = at_most_two.acquire_owned().unwrap();
///         spawn(move || {
///             let _until_done = permit;
///             n * n
///         })
///     })
///     .collect();
/// assert_eq!(workers.into_iter().map(|w| w.join().unwrap()).sum::<u32>(), 285);
/// # });
/// ```
#[must_use = "a permit that is dropped at once limits nothing"]
pub struct OwnedPermit {
    pub(super) semaphore: Arc<Semaphore>,
    pub(super) permits: usize,
}

macro_rules! methods {
    ($permit:ty, $name:literal) => {
        impl $permit {
            /// How many permits it holds.
            pub fn num_permits(&self) -> usize {
                self.permits
            }

            /// Takes the permits out of the semaphore for good, unless they are [added](Semaphore::add_permits) again.
            pub fn forget(mut self) {
                self.semaphore.forget_taken(std::mem::take(&mut self.permits));
            }

            /// Adds the permits of `other` to these.
            ///
            /// # Panics
            /// If they are of different semaphores.
            #[track_caller]
            pub fn merge(&mut self, mut other: Self) {
                assert!(
                    std::ptr::eq::<Semaphore>(&*self.semaphore, &*other.semaphore),
                    "the permits are of different semaphores"
                );
                self.permits += std::mem::take(&mut other.permits);
            }

            /// Takes `permits` of these off into a permit of their own. None if there are fewer.
            pub fn split(&mut self, permits: usize) -> Option<Self> {
                self.permits = self.permits.checked_sub(permits)?;
                Some(Self { semaphore: Clone::clone(&self.semaphore), permits })
            }
        }

        impl Drop for $permit {
            #[inline]
            fn drop(&mut self) {
                if self.permits != 0 {
                    self.semaphore.permits.release(self.permits);
                }
            }
        }

        impl fmt::Debug for $permit {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).field("permits", &self.permits).finish()
            }
        }
    };
}

methods!(Permit<'_>, "Permit");
methods!(OwnedPermit, "OwnedPermit");
