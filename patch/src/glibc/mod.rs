//! glibc's functions, replaced.

mod descriptors;
mod dl;
mod dns;
mod files;
mod hook;
mod io;
mod locks;
mod memory;
mod poll;
mod processes;
mod signals;
mod sleep;
mod vectors;

use std::sync::atomic::Ordering;

use crate::{InstallError, Patches};
use hook::Hook;

/// All functions that this crate stands in front of.
fn hooks() -> impl Iterator<Item = &'static Hook> {
    io::hooks()
        .chain(poll::hooks())
        .chain(sleep::hooks())
        .chain(dns::hooks())
        .chain(processes::hooks())
        .chain(locks::hooks())
        .chain(files::hooks())
        .chain(signals::HOOKS)
        .chain(dl::hooks())
}

/// The names of those functions, for the test of the README's table.
pub fn replaced() -> impl Iterator<Item = &'static str> {
    hooks().filter_map(|hook| hook.next.name().to_str().ok())
}

/// Finds libc's own functions before `main`, and before any thread, signal handler or allocator of the program's could need one.
#[used]
#[unsafe(link_section = ".init_array")]
static RESOLVE: extern "C" fn() = {
    extern "C" fn resolve() {
        hook::resolve(hooks());
    }
    resolve
};

/// [`crate::install`].
pub(crate) fn install(patches: Patches) -> Result<(), InstallError> {
    if patches.contains(Patches::LOCKS) {
        greenwood_runtime::interpose::own_thread_locals()
            .map_err(InstallError::NoOwnThreadLocals)?;
    }
    for hook in hooks() {
        check(hook)?;
    }
    if patches.contains(Patches::LOCKS) && !locks::prepare() {
        return Err(InstallError::UnknownLocks);
    }
    io::choose();
    descriptors::watch_forks();
    hook::ACTIVE.fetch_or(patches.bits(), Ordering::SeqCst);
    if patches.bits() != 0 {
        signals::adopt();
    }
    Ok(())
}

fn check(hook: &Hook) -> Result<(), InstallError> {
    // What this libc does not have, nobody calls.
    if hook.next.get().is_none() || hook::is_ours(hook) {
        return Ok(());
    }
    Err(InstallError::NotReached(hook.next.name().to_str().unwrap_or("?")))
}
