//! The `Date` field, formatted once a second.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::{Duration, UNIX_EPOCH};

use crate::sys;

/// The whole field, as it is sent.
pub(crate) type Line = [u8; 37];

/// The last second of the year 9999, beyond which the date format of RFC 9110 section 5.6.7 ends.
const LAST: u64 = 253_402_300_799;

/// Kept per connection.
#[derive(Debug)]
pub(crate) struct DateCache {
    second: u64,
    line: Line,
}

impl DateCache {
    pub(crate) const fn new() -> DateCache {
        DateCache { second: u64::MAX, line: [0; 37] }
    }

    /// The field with the current time, which `shared` may know already.
    #[inline]
    pub(crate) fn line(&mut self, shared: &SharedDate) -> &Line {
        let second = this_second();
        if self.second != second {
            self.line = shared.line(second);
            self.second = second;
        }
        &self.line
    }
}

/// The latest field that any connection of the server has formatted. New connections, of which some live for one request, take it
/// from here.
///
/// A sequence lock: whoever finds the version odd, or changed while reading, formats the date itself.
#[derive(Debug, Default)]
pub(crate) struct SharedDate {
    version: AtomicU64,
    second: AtomicU64,
    line: [AtomicU64; 5],
}

impl SharedDate {
    fn line(&self, second: u64) -> Line {
        self.read(second).unwrap_or_else(|| {
            let line = format(second);
            self.write(second, &line);
            line
        })
    }

    fn read(&self, second: u64) -> Option<Line> {
        let version = self.version.load(Ordering::Acquire);
        let of = self.second.load(Ordering::Relaxed);
        let mut words = [[0; 8]; 5];
        for (word, shared) in words.iter_mut().zip(&self.line) {
            *word = shared.load(Ordering::Relaxed).to_ne_bytes();
        }
        fence(Ordering::Acquire);
        let settled = version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version;
        let mut line = [0; 37];
        line.copy_from_slice(&words.as_flattened()[..37]);
        // Zero is what nobody has written yet.
        (settled && of == second && version > 0).then_some(line)
    }

    fn write(&self, second: u64, line: &Line) {
        let version = self.version.load(Ordering::Relaxed);
        let odd = version.wrapping_add(1);
        if !version.is_multiple_of(2)
            || self
                .version
                .compare_exchange(version, odd, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            // Somebody else is at it.
            return;
        }
        fence(Ordering::Release);
        self.second.store(second, Ordering::Relaxed);
        let mut words = [[0; 8]; 5];
        words.as_flattened_mut()[..37].copy_from_slice(line);
        for (shared, word) in self.line.iter().zip(words) {
            shared.store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
        self.version.store(odd.wrapping_add(1), Ordering::Release);
    }
}

/// The current time as an IMF-fixdate, formatted for this call.
pub(crate) fn now() -> [u8; 29] {
    let mut date = [0; 29];
    date.copy_from_slice(&format(this_second())[6..35]);
    date
}

fn this_second() -> u64 {
    // A clock set before 1970 or after 9999 is wrong anyway; it must not stop the server.
    sys::seconds_since_epoch().min(LAST)
}

fn format(second: u64) -> Line {
    let mut line = [0; 37];
    let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(second));
    write!(&mut line[..], "date: {date}\r\n").expect("an IMF-fixdate has 29 bytes");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_every_second_anew() {
        let shared = SharedDate::default();
        for _ in 0..2 {
            assert_eq!(&shared.line(784_111_777), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
        }
        assert_eq!(shared.read(784_111_777), Some(format(784_111_777)));
        assert_eq!(shared.read(784_111_778), None);
        assert_eq!(&shared.line(784_111_778), b"date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
        assert_eq!(&shared.line(0), b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
        assert_eq!(&shared.line(LAST), b"date: Fri, 31 Dec 9999 23:59:59 GMT\r\n");
    }

    #[test]
    fn nobody_has_written_the_first_second() {
        assert_eq!(SharedDate::default().read(0), None);
    }

    #[test]
    fn readers_never_see_half_a_date() {
        let shared = SharedDate::default();
        std::thread::scope(|s| {
            for thread in 0..3 {
                let shared = &shared;
                s.spawn(move || {
                    for round in 0..20_000 {
                        let second = (round * 7 + thread) % 50 * 86_399;
                        assert_eq!(shared.line(second), format(second));
                    }
                });
            }
        });
    }

    #[test]
    fn a_connection_follows_the_clock() {
        let (shared, mut cache) = (SharedDate::default(), DateCache::new());
        let line = *cache.line(&shared);
        let date = std::str::from_utf8(&line[6..35]).unwrap();
        let age = httpdate::parse_http_date(date).unwrap().elapsed().unwrap_or_default();
        assert!(age < Duration::from_secs(100), "{age:?}");
    }
}
