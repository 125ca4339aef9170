//! The bytes of a body that are here already.

/// How much is read at a time where framing stands between the data.
const SPILL: usize = 8 * 1024;

/// First what came in one read with the head (borrowed from the connection's buffer, handed in at
/// each call as `received`), then what was read since.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// How much of `received` is used.
    used: usize,
    /// What was read since and is not used yet is `spill[start..end]`.
    spill: Vec<u8>,
    start: usize,
    end: usize,
}

impl Arrived {
    pub(crate) fn bytes<'a>(&'a self, received: &'a [u8]) -> &'a [u8] {
        let early = &received[self.used..];
        if early.is_empty() { &self.spill[self.start..self.end] } else { early }
    }

    /// Counts `n` of `bytes` as used.
    pub(crate) fn consume(&mut self, received: &[u8], n: usize) {
        if self.used < received.len() {
            self.used += n;
        } else {
            self.start += n;
        }
    }

    /// Room for what comes next. Only when `bytes` is empty.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        debug_assert_eq!(self.start, self.end);
        (self.start, self.end) = (0, 0);
        self.spill.resize(SPILL, 0);
        &mut self.spill
    }

    pub(crate) fn commit(&mut self, n: usize) {
        self.end = n;
    }

    /// How much of `received` is used, and what was read since and is not.
    #[inline]
    pub(crate) fn rest(&self) -> (usize, &[u8]) {
        (self.used, &self.spill[self.start..self.end])
    }
}
