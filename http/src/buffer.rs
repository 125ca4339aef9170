//! The bytes that were received and not yet used: one reused allocation a connection.

/// What a buffer starts with, and the most that is kept while a connection waits.
pub(crate) const INITIAL: usize = 8 * 1024;

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
    pub(crate) fn release(&mut self, keep: usize) {
        debug_assert!(self.is_empty());
        if self.bytes.len() > keep {
            *self = Buffer::default();
        }
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
        buffer.release(INITIAL);
        assert_eq!(buffer.bytes.len(), INITIAL);
        buffer.release(0);
        assert_eq!(buffer.bytes.capacity(), 0);
    }
}
