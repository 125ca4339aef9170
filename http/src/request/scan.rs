//! When to parse a head that comes in pieces.

/// Keeps the work for a head linear in its length.
///
/// Parsing starts at the first byte each time. After each of 32,768 single bytes that would make
/// half a gigabyte of work out of one slow head.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// How many bytes there were when parsing was last tried.
    tried: usize,
    /// How many were searched for the head's end.
    searched: usize,
}

impl Scan {
    /// Whether to parse `bytes`, which grow from call to call: always at first, then when they
    /// hold the head's end, have doubled, or reach `limit`.
    pub(crate) fn due(&mut self, bytes: &[u8], limit: usize) -> bool {
        let new = &bytes[self.searched.saturating_sub(2)..];
        let due = self.tried == 0
            || bytes.len() >= limit
            || bytes.len() >= 2 * self.tried
            || holds_empty_line(new);
        self.searched = bytes.len();
        if due {
            self.tried = bytes.len();
        }
        due
    }
}

/// Bare LF counts here, so that such a head is refused at once and not when its time is up.
fn holds_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|w| w == b"\n\n") || bytes.windows(3).any(|w| w == b"\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_the_end_wherever_it_is_cut() {
        for end in ["\r\n\r\n", "\n\n", "\n\r\n"] {
            let head = format!("{}{end}", "x".repeat(40));
            for step in 1..head.len() {
                let mut scan = Scan::default();
                let mut last = false;
                let mut at = 0;
                while at < head.len() {
                    at = head.len().min(at + step);
                    last = scan.due(&head.as_bytes()[..at], 1000);
                }
                assert!(last, "{end:?} by {step}");
            }
        }
    }

    #[test]
    fn work_stays_linear() {
        let head = vec![b'x'; 32 * 1024];
        let mut scan = Scan::default();
        let parsed: usize = (1..head.len()).filter(|&n| scan.due(&head[..n], head.len())).sum();
        assert!(parsed < 2 * head.len(), "{parsed}");
    }
}
