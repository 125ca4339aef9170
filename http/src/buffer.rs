//! The bytes that were received and not yet used, and the memory for them, which passes from connection to connection.

use std::sync::{Mutex, PoisonError};

use crate::connections::Link;
use crate::request::FieldSpan;
use crate::transport::KEEP;

/// What a buffer starts with, and the most that is kept while a connection waits.
pub(crate) const INITIAL: usize = 4 * 1024;

/// `bytes` is kept at its full length, so that a read needs neither `unsafe` nor zeroing each time.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn consume(&mut self, n: usize) {
        assert!(n <= self.end - self.start);
        self.start += n;
    }

    /// Room to read into, never empty. What `commit` then reports becomes part of `filled`.
    ///
    /// Doubles when full; that a head cannot grow without bound is for the parser to see.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            self.bytes.resize((self.bytes.len() * 2).max(INITIAL), 0);
        }
        &mut self.bytes[self.end..]
    }

    pub(crate) fn commit(&mut self, n: usize) {
        assert!(n <= self.bytes.len() - self.end);
        self.end += n;
    }

    /// Takes `rest` in place of the content.
    pub(crate) fn replace(&mut self, rest: &[u8]) {
        self.consume(self.filled().len());
        if rest.is_empty() {
            return;
        }
        while self.spare().len() < rest.len() {
            let len = self.bytes.len() * 2;
            self.bytes.resize(len, 0);
        }
        self.spare()[..rest.len()].copy_from_slice(rest);
        self.commit(rest.len());
    }

    /// Gives the memory back if it is more than `keep` bytes. Only for an empty buffer.
    pub(crate) fn shrink(&mut self, keep: usize) {
        debug_assert!(self.is_empty());
        if self.bytes.len() > keep {
            *self = Buffer::default();
        }
    }
}

/// Buffers that no connection uses, by worker.
///
/// Connections that rest have none. Where the allocator had them in between, they would lie about among what rests, and
/// tens of thousands of connections would leave as many holes.
#[derive(Debug)]
pub(crate) struct Buffers(Box<[Mutex<Vec<Spare>>]>);

/// What a connection needs.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    pub(crate) input: Buffer,
    pub(crate) out: Vec<u8>,
    /// Where the fields of a request are.
    pub(crate) fields: Vec<FieldSpan>,
}

/// The most that a worker keeps.
const SPARE: usize = 16;

impl Buffers {
    pub(crate) fn new(workers: usize) -> Buffers {
        Buffers((0..workers.max(1)).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn take(&self, link: &Link) -> Spare {
        self.of(link).lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps what is of the usual size.
    pub(crate) fn put(&self, link: &Link, mut used: Spare) {
        if used.input.bytes.len() != INITIAL || used.out.capacity() > KEEP {
            return;
        }
        (used.input.start, used.input.end) = (0, 0);
        used.out.clear();
        let mut spare = self.of(link).lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push(used);
        }
    }

    fn of(&self, link: &Link) -> &Mutex<Vec<Spare>> {
        &self.0[link.worker.map_or(0, |worker| worker.index())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(buffer: &mut Buffer, bytes: &[u8]) {
        for part in bytes.chunks(1000) {
            let n = part.len().min(buffer.spare().len());
            buffer.spare()[..n].copy_from_slice(&part[..n]);
            buffer.commit(n);
            if n < part.len() {
                push(buffer, &part[n..]);
            }
        }
    }

    #[test]
    fn keeps_order_over_growth_and_compaction() {
        let data: Vec<u8> = (0..40_000u32).map(|i| (i % 251) as u8).collect();
        let mut buffer = Buffer::default();
        let mut seen = Vec::new();
        for part in data.chunks(7001) {
            push(&mut buffer, part);
            let take = buffer.filled().len() / 2;
            seen.extend_from_slice(&buffer.filled()[..take]);
            buffer.consume(take);
        }
        seen.extend_from_slice(buffer.filled());
        assert_eq!(seen, data);
    }

    #[test]
    fn replace_takes_more_than_fits() {
        let mut buffer = Buffer::default();
        push(&mut buffer, b"old");
        let rest = vec![7; 3 * INITIAL + 1];
        buffer.replace(&rest);
        assert_eq!(buffer.filled(), rest);
        buffer.replace(b"");
        assert!(buffer.is_empty());
    }

    #[test]
    fn release_keeps_a_small_buffer() {
        let mut buffer = Buffer::default();
        push(&mut buffer, b"x");
        buffer.consume(1);
        buffer.shrink(INITIAL);
        assert_eq!(buffer.bytes.len(), INITIAL);
        buffer.shrink(0);
        assert_eq!(buffer.bytes.capacity(), 0);
    }
}
