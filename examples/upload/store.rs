//! Bodies into files: under a temporary name at first, under their own once they are whole.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use greenwood::net::fs;
use greenwood::{shield, try_offload};

/// What is read before it is written, and all the memory that an upload takes. The larger, the fewer trips to the pool.
const PIECE: usize = 256 * 1024;

pub struct Store {
    folder: PathBuf,
    overwrite: bool,
    count: AtomicU64,
    /// Files that are not whole yet.
    partial: Mutex<HashSet<PathBuf>>,
}

pub enum Failure {
    /// There is a file, or a folder, of this name.
    Exists,
    /// The upload does not come to its end.
    Body(io::Error),
    Disk(io::Error),
}

impl Store {
    pub fn new(folder: PathBuf, overwrite: bool) -> io::Result<Store> {
        if !std::fs::metadata(&folder)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        Ok(Store { folder, overwrite, count: AtomicU64::new(0), partial: Mutex::default() })
    }

    /// Writes `body` to the file `name`; `progress` is told of each piece. Suspends.
    pub fn receive(
        &self,
        name: &str,
        body: &mut impl Read,
        mut progress: impl FnMut(usize),
    ) -> Result<(), Failure> {
        let target = self.folder.join(name);
        // Before the body is read, so that a client who waits for `100 Continue` is spared to send it.
        match fs::symlink_metadata(&target) {
            Ok(found) if found.is_dir() || !self.overwrite => return Err(Failure::Exists),
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(Failure::Disk(e)),
            _ => {}
        }
        let mut partial = Partial::create(self).map_err(Failure::Disk)?;
        let mut piece = vec![0; PIECE];
        loop {
            let n = fill(body, &mut piece).map_err(Failure::Body)?;
            if n == 0 {
                break;
            }
            piece = partial.write(piece, n).map_err(Failure::Disk)?;
            progress(n);
        }
        partial.publish(&target)
    }

    /// Removes all files that are not whole, for a process that ends at once.
    pub fn discard(&self) {
        for path in &*self.partial.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Reads until `piece` is full or the body ends.
fn fill(body: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match body.read(&mut piece[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// A file under a temporary name, which goes when this is dropped.
struct Partial<'s> {
    store: &'s Store,
    path: PathBuf,
    file: Arc<File>,
}

impl Partial<'_> {
    fn create(store: &Store) -> io::Result<Partial<'_>> {
        let n = store.count.fetch_add(1, Ordering::Relaxed);
        let path = store.folder.join(format!(".upload-{}-{n}", std::process::id()));
        store.partial.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        let open = {
            let path = path.clone();
            move || File::create_new(path)
        };
        match try_offload(open).unwrap_or_else(|interruption| Err(interruption.into())) {
            Ok(file) => Ok(Partial { store, path, file: Arc::new(file) }),
            Err(e) => {
                store.forget(&path);
                Err(e)
            }
        }
    }

    /// Writes the first `n` bytes of `piece`, and hands it back.
    ///
    /// In the pool: most writes only copy to the kernel's memory, but once more than it likes waits there for the disk, it makes a write wait
    /// (`vm.dirty_ratio`), and that would hold up all that the worker runs.
    fn write(&mut self, piece: Vec<u8>, n: usize) -> io::Result<Vec<u8>> {
        let file = self.file.clone();
        try_offload(move || (&*file).write_all(&piece[..n]).map(|()| piece))?
    }

    /// Gives the file its name.
    fn publish(self, target: &Path) -> Result<(), Failure> {
        // What the client takes for stored must outlive a power cut. And some errors come only here.
        let file = self.file.clone();
        let synced = try_offload(move || file.sync_all());
        synced.unwrap_or_else(|interruption| Err(interruption.into())).map_err(Failure::Disk)?;
        if self.store.overwrite {
            fs::rename(&self.path, target).map_err(Failure::Disk)
        } else {
            // Unlike a renaming, this fails if somebody else was faster.
            fs::hard_link(&self.path, target).map_err(|e| match e.kind() {
                ErrorKind::AlreadyExists => Failure::Exists,
                _ => Failure::Disk(e),
            })
        }
    }
}

impl Store {
    fn forget(&self, path: &Path) {
        self.partial.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // Also if the coroutine is being cancelled. Not there any more after a renaming.
        let _ = shield(|| fs::remove_file(&self.path));
        self.store.forget(&self.path);
    }
}
