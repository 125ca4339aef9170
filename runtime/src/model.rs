//! What lock-free code is built from: std's atomics and the runtime's own lock, or loom's models of them.

#[cfg(not(greenwood_loom))]
pub(crate) use crate::sys::lock::{Mutex, MutexGuard};
#[cfg(not(greenwood_loom))]
pub(crate) use std::sync::atomic;

#[cfg(greenwood_loom)]
pub(crate) use loom::sync::{MutexGuard, atomic};

/// loom's mutex with that lock's signatures.
#[cfg(greenwood_loom)]
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(greenwood_loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }
}

/// Declares constructors that are `const`, except under loom, whose atomics have none.
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty $body:block) => {
        #[cfg(not(greenwood_loom))]
        $(#[$attr])*
        $vis const fn $name($($arg: $type),*) -> $ret $body

        #[cfg(greenwood_loom)]
        $(#[$attr])*
        $vis fn $name($($arg: $type),*) -> $ret $body
    };
}
pub(crate) use const_fn;
