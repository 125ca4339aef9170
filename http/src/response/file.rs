//! A body out of a file: parts of it, each with bytes of the server's own before it.

use std::fs::File;
#[cfg(feature = "compression")]
use std::io::Write;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use greenwood_runtime::{may_switch, try_offload};

use crate::sys;
use crate::transport::{FLUSH_AT, Transport};

/// Up to this length, a copy that goes out in one write with the head is cheaper than two calls.
const COPY: u64 = 32 * 1024;

/// How much is sent before others get their share of the worker.
const PIECE: u64 = 256 * 1024;

pub(crate) struct FileBody {
    pub(crate) file: Arc<File>,
    pub(crate) parts: Vec<Part>,
    pub(crate) tail: Vec<u8>,
}

pub(crate) struct Part {
    pub(crate) head: Vec<u8>,
    pub(crate) range: Range<u64>,
}

impl FileBody {
    pub(crate) fn len(&self) -> u64 {
        let parts = self.parts.iter().map(|Part { head, range }| head.len() as u64 + length(range));
        parts.sum::<u64>() + self.tail.len() as u64
    }

    /// Writes exactly as much as `len` has said. Suspends, also where `out` does not: for the disk.
    ///
    /// # Errors
    ///
    /// Those of the file and `out`; `UnexpectedEof` when the file has become shorter.
    #[cfg(feature = "compression")]
    pub(crate) fn write_to(self, out: &mut dyn Write) -> io::Result<()> {
        let mut piece = vec![0; FLUSH_AT];
        for Part { head, mut range } in self.parts {
            out.write_all(&head)?;
            while !range.is_empty() {
                let end = range.end.min(range.start + FLUSH_AT as u64);
                load(&self.file, range.start..end)?;
                let piece = &mut piece[..(end - range.start) as usize];
                match self.file.read_at(piece, range.start) {
                    Ok(0) => return Err(shortened(&range)),
                    Ok(n) => {
                        out.write_all(&piece[..n])?;
                        range.start += n as u64;
                    }
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
        }
        out.write_all(&self.tail)
    }

    /// Sends exactly as much as `len` has said. Suspends.
    ///
    /// # Errors
    ///
    /// Those of the file and the socket; `UnexpectedEof` when the file has become shorter.
    pub(super) fn send(self, transport: &mut Transport) -> io::Result<()> {
        for Part { head, mut range } in self.parts {
            transport.send(&head)?;
            if length(&range) > COPY && transport.link.stream.begin_file()? {
                send_direct(transport, &self.file, &mut range)?;
            }
            copy(transport, &self.file, range)?;
        }
        transport.send(&self.tail)
    }
}

fn length(range: &Range<u64>) -> u64 {
    range.end - range.start
}

/// Leaves in `range` what sendfile(2) cannot send.
fn send_direct(
    transport: &mut Transport,
    file: &Arc<File>,
    range: &mut Range<u64>,
) -> io::Result<()> {
    while !range.is_empty() {
        let end = range.end.min(range.start + PIECE);
        load(file, range.start..end)?;
        let len = (end - range.start) as usize;
        match transport.send_file(file.as_fd(), range.start, len)? {
            Some(0) => return Err(shortened(range)),
            Some(n) => range.start += n as u64,
            None => break,
        }
    }
    Ok(())
}

fn copy(transport: &mut Transport, file: &Arc<File>, mut range: Range<u64>) -> io::Result<()> {
    while !range.is_empty() {
        let end = range.end.min(range.start + FLUSH_AT as u64);
        let out = &mut transport.out;
        let before = out.len();
        out.resize(before + (end - range.start) as usize, 0);
        let room = &mut out[before..];
        let result = match sys::read_cached(file.as_fd(), room, range.start) {
            Err(_) => load(file, range.start..end).and_then(|()| file.read_at(room, range.start)),
            read => read,
        };
        out.truncate(before + result.as_ref().map_or(0, |&n| n));
        match result {
            Ok(0) => return Err(shortened(&range)),
            Ok(n) => range.start += n as u64,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
        if transport.out.len() >= FLUSH_AT {
            transport.flush()?;
        }
    }
    Ok(())
}

fn shortened(left: &Range<u64>) -> io::Error {
    let message = format!("the file has become shorter: {} bytes are missing", length(left));
    io::Error::new(ErrorKind::UnexpectedEof, message)
}

/// Whether both ends are in memory. What is between has most probably been read with them, and is thrown out with them.
fn is_cached(file: &File, range: &Range<u64>) -> bool {
    let cached = |offset| sys::read_cached(file.as_fd(), &mut [0], offset).is_ok();
    cached(range.end - 1) && cached(range.start)
}

/// Has the bytes read into the page cache by the pool if they may not be there, so that a slow disk holds up no worker. Suspends.
fn load(file: &Arc<File>, range: Range<u64>) -> io::Result<()> {
    if !may_switch() || is_cached(file, &range) {
        return Ok(());
    }
    let file = file.clone();
    try_offload(move || {
        let (mut sink, mut offset) = ([0; 16 * 1024], range.start);
        while offset < range.end {
            match file.read_at(&mut sink, offset) {
                // The end or an error: whoever reads next will see it.
                Ok(0) | Err(_) => break,
                Ok(n) => offset += n as u64,
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As far as the file system tells what it has in memory, a file that was thrown out of it is there again after `load`.
    #[test]
    fn load_reads_what_is_not_in_memory() {
        let path = std::env::temp_dir().join(format!("greenwood-load-{}", std::process::id()));
        let length = 3 * PIECE;
        std::fs::write(&path, vec![7; length as usize]).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let everywhere = || (0..length).step_by(4096).all(|at| is_cached(&file, &(at..at + 1)));
        let tells = everywhere();
        file.sync_all().unwrap();
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        greenwood_runtime::run(|| load(&file, 0..length)).unwrap();
        assert_eq!(everywhere(), tells);
    }
}
