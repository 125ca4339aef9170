//! What tells one state of a file from another: its entity tag and the time of its last change.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use httpdate::HttpDate;

use super::entity_tag::EntityTag;

/// Longer than the tick of any file system's clock; FAT's is the longest.
const TICK: Duration = Duration::from_secs(2);

/// The last second of the year 9999, beyond which an HTTP date cannot be written.
const LAST: u64 = 253_402_300_799;

/// What is remembered of an open file for its validators.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    inode: u64,
    pub(super) length: u64,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
    modified: Option<SystemTime>,
}

impl State {
    pub(super) fn of(metadata: &Metadata) -> State {
        State {
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            modified: metadata.modified().ok(),
        }
    }
}

/// The validators of a file at the time of a request.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    opaque: String,
    weak: bool,
    /// In whole seconds, and never after `now`.
    modified: Option<SystemTime>,
    pub(super) now: SystemTime,
}

impl Validators {
    pub(super) fn new(state: &State, now: SystemTime) -> Validators {
        let State { inode, length, changed: (seconds, nanoseconds), modified } = *state;
        let changed = u64::try_from(seconds).ok().map(Duration::from_secs);
        let settled = changed.and_then(|since| UNIX_EPOCH.checked_add(since + TICK));
        Validators {
            opaque: format!("{inode:x}-{length:x}-{seconds:x}-{nanoseconds:x}"),
            weak: settled.is_none_or(|settled| now <= settled),
            modified: modified.and_then(|time| whole_seconds(time.min(now))),
            now,
        }
    }

    pub(super) fn tag(&self) -> EntityTag<'_> {
        EntityTag { opaque: self.opaque.as_bytes(), weak: self.weak }
    }

    /// The time of the last change, as clients know it. `None` if no HTTP date can say it.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    pub(super) fn etag(&self) -> HeaderValue {
        HeaderValue::try_from(self.tag().to_string()).expect("quotes and hexadecimal digits")
    }

    pub(super) fn last_modified(&self) -> Option<HeaderValue> {
        let date = HttpDate::from(self.modified?).to_string();
        Some(HeaderValue::try_from(date).expect("a date is ASCII"))
    }

    #[cfg(test)]
    pub(super) fn of_parts(opaque: &str, weak: bool, modified: SystemTime, age: Duration) -> Self {
        Validators { opaque: opaque.into(), weak, modified: Some(modified), now: modified + age }
    }
}

fn whole_seconds(time: SystemTime) -> Option<SystemTime> {
    let since = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    (since <= LAST).then(|| UNIX_EPOCH + Duration::from_secs(since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File, FileTimes};

    #[test]
    fn of_a_file() {
        let path =
            std::env::temp_dir().join(format!("greenwood-validators-{}", std::process::id()));
        fs::write(&path, "one").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        let set = |time| file.set_times(FileTimes::new().set_modified(time)).unwrap();
        let at = |now| Validators::new(&State::of(&fs::metadata(&path).unwrap()), now);
        let now = SystemTime::now();
        let old = UNIX_EPOCH + Duration::from_millis(784_111_777_900);

        set(old);
        let first = at(now + 4 * TICK);
        assert!(!first.weak && at(now).weak);
        assert_eq!(first.tag().opaque, at(now).tag().opaque);
        assert_eq!(first.last_modified().unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");

        // Another length is another tag, however the clock stands.
        std::io::Write::write_all(&mut &file, b"two").unwrap();
        set(old);
        assert_ne!(at(now).tag().opaque, first.tag().opaque);

        // No date is in the future, and none before what dates can say.
        set(now + Duration::from_secs(3600));
        assert_eq!(at(now).modified(), whole_seconds(now));
        set(UNIX_EPOCH - Duration::from_secs(5));
        assert_eq!(at(now).last_modified(), None);
        fs::remove_file(&path).unwrap();
    }
}
