//! Messages that are counted: every one that was made is dropped once.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use greenwood_runtime::channel::Sender;

use crate::random::{count, read};

static MADE: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

pub struct Letter {
    /// Owned, so that a letter that is dropped twice, or not at all, is found by more than the counts.
    _text: Box<u64>,
    /// A channel to look at while the letter is dropped, which must not happen under that channel's lock.
    home: Option<Sender<Letter>>,
}

impl Letter {
    pub fn new(home: Option<Sender<Letter>>) -> Letter {
        count(&MADE);
        Letter { _text: Box::new(7), home }
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            let _ = home.len();
        }
        count(&DROPPED);
    }
}

/// That is to be when nobody has any. Coroutines that were left to themselves may have to end first.
pub fn check() {
    let waits = (0..10_000).take_while(|_| read(&MADE) != read(&DROPPED));
    waits.for_each(|_| std::thread::sleep(Duration::from_millis(1)));
    assert_eq!(read(&MADE), read(&DROPPED), "letters made, and dropped");
}
