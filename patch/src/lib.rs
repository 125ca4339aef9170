//! Makes other people's blocking code yield: std's sockets, third-party crates, C libraries.
//!
//! Linking this crate puts its own functions in front of libc's (`read`, `poll`, `nanosleep`, …). That changes nothing until [`install`] turns
//! them on; then a call on a coroutine that would block suspends the coroutine instead. Which functions, and what becomes of each, is in this
//! crate's README.

mod allocator;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod descriptors;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod dl;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod dns;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod files;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod hook;
mod install;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod io;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod locks;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod memory;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod poll;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod processes;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod signals;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod sleep;

pub use allocator::NoYield;
pub use install::{InstallError, Patches, install};

/// All functions that this crate stands in front of.
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
fn hooks() -> impl Iterator<Item = &'static hook::Hook> {
    io::hooks()
        .chain(files::hooks())
        .chain(poll::hooks())
        .chain(sleep::hooks())
        .chain(signals::HOOKS)
        .chain(dl::hooks())
        .chain(locks::hooks())
        .chain(dns::hooks())
        .chain(processes::hooks())
}

/// The names of those functions, for the test of the README's table.
#[doc(hidden)]
pub fn replaced() -> impl Iterator<Item = &'static str> {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
    let names = hooks().filter_map(|hook| hook.next.name().to_str().ok());
    #[cfg(not(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static"))))]
    let names = std::iter::empty();
    names
}

/// Finds libc's own functions before `main`, and before any thread, signal handler or allocator of the program's could need one.
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
#[used]
#[unsafe(link_section = ".init_array")]
static RESOLVE: extern "C" fn() = {
    extern "C" fn resolve() {
        hook::resolve(hooks());
    }
    resolve
};

/// Has the README's example compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
