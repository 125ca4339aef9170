//! What is said in the room: kept for a while, so that nobody misses any of it, and awaited.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use greenwood::sync::{Condvar, Mutex};
use serde::{Deserialize, Serialize};

/// How many messages somebody gets who has just come in.
const WELCOME: u64 = 50;

const NAME: usize = 40;
const TEXT: usize = 2000;
const KEY: usize = 64;

/// What somebody says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    name: String,
    text: String,
    /// The sender's own mark, by which the page knows its words again, and the room when they come a second time because the page does
    /// not know whether they have arrived.
    #[serde(default)]
    key: String,
}

impl Words {
    /// Says what is wrong with them, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let within = |what, text: &str, least, most| match text.trim().chars().count() {
            n if n < least => Err(format!("the {what} is empty")),
            n if n > most => Err(format!("the {what} is longer than {most} characters")),
            _ => Ok(()),
        };
        within("name", &self.name, 1, NAME)?;
        within("text", &self.text, 1, TEXT)?;
        within("key", &self.key, 0, KEY)
    }
}

/// Words that were said. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Message {
    /// Each is one above the one before.
    pub id: u64,
    /// All of it, as everybody gets it.
    pub json: Arc<str>,
    key: Arc<str>,
}

pub struct Room {
    talk: Mutex<Talk>,
    news: Condvar,
}

struct Talk {
    messages: VecDeque<Message>,
    /// How many are kept.
    history: usize,
    /// The id of the next.
    next: u64,
    open: bool,
}

impl Room {
    pub fn new(history: usize) -> Room {
        // Above all ids from before a restart, which pages may come back with.
        let talk = Talk { messages: VecDeque::new(), history, next: millis(), open: true };
        Room { talk: Mutex::new(talk), news: Condvar::new() }
    }

    /// Adds a message, unless it is there already.
    pub fn say(&self, words: &Words) {
        let mut talk = self.talk.lock();
        if !words.key.is_empty() && talk.messages.iter().any(|m| *m.key == *words.key) {
            return;
        }
        let id = talk.next;
        let json = serde_json::json!({ "id": id, "at": millis(), "words": words }).to_string();
        talk.messages.push_back(Message { id, json: json.into(), key: words.key.as_str().into() });
        talk.next += 1;
        if talk.messages.len() > talk.history {
            talk.messages.pop_front();
        }
        drop(talk);
        self.news.notify_all();
    }

    /// The messages after that one, or the latest: those there are, and those to come, each waited for, until the room is closed.
    pub fn after(&self, last: Option<u64>) -> impl Iterator<Item = Message> {
        let mut next = self.talk.lock().start(last);
        std::iter::from_fn(move || {
            let talk = self.news.wait_while(self.talk.lock(), |talk| !talk.has_news(next));
            let message = talk.messages_from(next).next().cloned();
            next = message.as_ref()?.id + 1;
            message
        })
    }

    /// The messages after that one, or the latest; if there are none, waits a while for one.
    pub fn wait_after(&self, last: Option<u64>, patience: Duration) -> Vec<Message> {
        let talk = self.talk.lock();
        let next = talk.start(last);
        let (talk, _) = self.news.wait_timeout_while(talk, patience, |talk| !talk.has_news(next));
        talk.messages_from(next).cloned().collect()
    }

    /// Nobody waits any longer.
    pub fn close(&self) {
        self.talk.lock().open = false;
        self.news.notify_all();
    }
}

impl Talk {
    /// The id to go on with for who has had `last`, which may be from before a restart, or never have been given out.
    fn start(&self, last: Option<u64>) -> u64 {
        match last {
            Some(last) => last.saturating_add(1).clamp(self.oldest(), self.next),
            None => self.oldest().max(self.next.saturating_sub(WELCOME)),
        }
    }

    /// The id of the oldest message that is still there, or else of the next.
    fn oldest(&self) -> u64 {
        self.next - self.messages.len() as u64
    }

    fn has_news(&self, next: u64) -> bool {
        self.next > next || !self.open
    }

    fn messages_from(&self, id: u64) -> impl Iterator<Item = &Message> {
        self.messages.iter().skip(id.saturating_sub(self.oldest()) as usize)
    }
}

fn millis() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
