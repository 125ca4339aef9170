//! The `Date` field's value, formatted once a second.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999, beyond which the date format of RFC 9110 section 5.6.7 ends.
const LAST: u64 = 253_402_300_799;

/// Kept per connection: no lock, and no thread-local that all coroutines of a thread might share.
#[derive(Debug)]
pub(crate) struct DateCache {
    second: Option<u64>,
    text: [u8; 29],
}

impl DateCache {
    pub(crate) const fn new() -> DateCache {
        DateCache { second: None, text: [0; 29] }
    }

    /// The current time as an IMF-fixdate.
    pub(crate) fn now(&mut self) -> &[u8; 29] {
        // A clock set before 1970 or after 9999 is wrong anyway; it must not stop the server.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        self.at(now.min(LAST))
    }

    fn at(&mut self, second: u64) -> &[u8; 29] {
        if self.second != Some(second) {
            let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(second));
            write!(&mut self.text[..], "{date}").expect("an IMF-fixdate has 29 bytes");
            self.second = Some(second);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_every_second_anew() {
        let mut cache = DateCache::new();
        assert_eq!(cache.at(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(cache.at(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(cache.at(784_111_778), b"Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(cache.at(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(cache.at(LAST), b"Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
