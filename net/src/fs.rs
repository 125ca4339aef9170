//! [`std::fs`]'s functions, run in the [pool](greenwood_runtime::offload) so that a slow disk does not hold a worker up.
//!
//! Files have no readiness to wait for (epoll_ctl(2): `EPERM`), so a coroutine hands the call to an OS thread and suspends
//! until that is done, some microseconds at least. On an OS thread they are std's own. Names, arguments, results and
//! errors are std's, but for two errors more: ECANCELED if the coroutine is cancelled, and ETIMEDOUT if the time of a
//! [`timeout`](greenwood_runtime::timeout) around the call is over. The operating system carries out what was begun all the same.
//!
//! For a sequence of small calls, or for an open [`std::fs::File`], put the whole of it into one
//! [`offload`](greenwood_runtime::offload).
//!
//! ```
//! use greenwood_net::fs;
//!
//! # fn main() -> std::io::Result<()> {
//! greenwood_runtime::run(|| {
//!     let path = std::env::temp_dir().join(format!("greenwood-fs-{}", std::process::id()));
//!     fs::write(&path, "hello")?;
//!     assert_eq!(fs::read_to_string(&path)?, "hello");
//!     assert_eq!(fs::metadata(&path)?.len(), 5);
//!     fs::remove_file(&path)
//! })
//! # }
//! ```

use std::fs::{Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use greenwood_runtime::{may_switch, try_offload};

/// Runs `call` in the pool; a cancellation is an error, as for all I/O.
fn offloaded<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    try_offload(call).unwrap_or_else(|interruption| Err(interruption.into()))
}

/// One function a line: its paths, which the pool needs its own copies of, then what else it takes.
macro_rules! functions {
    ($($name:ident($($path:ident),+ $(; $arg:ident: $type:ty)?) -> $value:ty,)*) => { $(
        #[doc = concat!("[`std::fs::", stringify!($name), "`], which suspends.")]
        ///
        /// # Errors
        ///
        #[doc = concat!("Those of [`std::fs::", stringify!($name), "`]; ECANCELED if the coroutine is cancelled.")]
        pub fn $name($($path: impl AsRef<Path>,)+ $($arg: $type)?) -> io::Result<$value> {
            $(let $path = $path.as_ref();)+
            if !may_switch() {
                return std::fs::$name($($path,)+ $($arg)?);
            }
            $(let $path = $path.to_owned();)+
            offloaded(move || std::fs::$name($($path,)+ $($arg)?))
        }
    )* };
}

functions! {
    canonicalize(path) -> PathBuf,
    copy(from, to) -> u64,
    create_dir(path) -> (),
    create_dir_all(path) -> (),
    exists(path) -> bool,
    hard_link(original, link) -> (),
    metadata(path) -> Metadata,
    read(path) -> Vec<u8>,
    read_link(path) -> PathBuf,
    read_to_string(path) -> String,
    remove_dir(path) -> (),
    remove_dir_all(path) -> (),
    remove_file(path) -> (),
    rename(from, to) -> (),
    set_permissions(path; permissions: Permissions) -> (),
    symlink_metadata(path) -> Metadata,
}

/// [`std::fs::write`], which suspends. On a coroutine, the pool gets a copy of `contents`.
///
/// # Errors
///
/// Those of [`std::fs::write`]; ECANCELED if the coroutine is cancelled, and the file may or may not have been written
/// then.
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let (path, contents) = (path.as_ref(), contents.as_ref());
    if !may_switch() {
        return std::fs::write(path, contents);
    }
    let (path, contents) = (path.to_owned(), contents.to_vec());
    offloaded(move || std::fs::write(path, contents))
}
