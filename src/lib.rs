//! Green threads for Rust: plain blocking code, run on hundreds of thousands of stackful coroutines.
//!
//! Handlers read, write, sleep, lock and look names up like any blocking program. Each call that would block suspends its
//! coroutine instead, and its worker (an OS thread) runs others. There is no `async`, and no function has a colour.
//!
//! ```
//! use std::time::Duration;
//!
//! let total: u32 = greenwood::run(|| {
//!     greenwood::scope(|s| {
//!         let handles: Vec<_> = (0..10u32)
//!             .map(|i| {
//!                 s.spawn(move || {
//!                     greenwood::sleep(Duration::from_millis(5));
//!                     i
//!                 })
//!             })
//!             .collect();
//!         handles.into_iter().map(|h| h.join().unwrap()).sum()
//!     })
//! });
//! assert_eq!(total, 45);
//! ```
//!
//! # Where things are
//! - Coroutines: [`spawn`], [`scope`], [`Builder`], [`JoinHandle`], [`yield_now`], [`sleep`], [`offload`], [`coroutine_local!`].
//! - Waiting for each other: [`sync`] (locks, semaphores, events), [`channel`] (with `select!`), [`block_on`] for futures.
//! - Ending what takes too long: [`timeout`], [`deadline`], [`CancelToken`], [`JoinHandle::cancel`], and [`shield`] against all of them.
//! - Groups: [`try_scope`], [`TaskSet`], [`Pool`]; [`interval`], [`spawn_after`].
//! - Runtimes: [`run`], [`Runtime`], [`RuntimeBuilder`]. [`spawn`] outside any of them starts a global one.
//! - Sockets: [`net`], with `std::net`'s names, and what waits beside them: [`net::dns`], [`net::process`], [`net::fs`].
//! - Signals as blocking receives: [`signal`].
//! - An HTTP server: [`http`] (feature `http`, on by default).
//! - For builders of blocking primitives: [`park`] and [`readiness`].
//!
//! # Every call also works on an OS thread
//! There it blocks that thread. The same handler therefore runs on threads or on coroutines.
//!
//! # Soundness
//! With own thread-locals (the default on x86_64 Linux with glibc) a coroutine is a thread to Rust's rules: it has thread-locals of its own,
//! never leaves the OS thread that started it, and `Send` and `Sync` mean what they mean in std. In Shared mode, which takes `unsafe` to ask for
//! and is all there is elsewhere, other coroutines may run on the same thread-locals at any suspension point:
//! [`RuntimeBuilder::shared_thread_locals`] says what must not be done there.
//!
//! # Features
//! - `http` (default): the HTTP server.
//! - `serde`, `compression` (default): its typed extractors and JSON; its compression.
//! - `ws`, `tls`: its WebSockets; TLS.
//! - `patch`: other people's blocking code, std's own sockets and locks included, suspends its coroutine too.

#[cfg(feature = "http")]
pub use greenwood_http as http;
pub use greenwood_net as net;
#[cfg(feature = "patch")]
pub use greenwood_patch as patch;
#[doc(inline)]
pub use greenwood_runtime::*;

/// The README's example, compiled with the other examples.
#[cfg(all(doctest, feature = "http", feature = "patch"))]
#[doc = include_str!("../README.md")]
struct Readme;
