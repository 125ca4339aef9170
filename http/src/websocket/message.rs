//! What peers send each other.

use std::fmt;

/// A message.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::Binary(bytes)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Message {
        Message::Binary(bytes.to_vec())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Message::Binary(bytes) => write!(f, "Binary({} bytes)", bytes.len()),
        }
    }
}

/// Why a peer closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code; [`close_code::NONE`] if the peer gave none.
    pub code: u16,
    /// The reason, for people, often empty.
    pub reason: String,
}

/// The close codes of RFC 6455 section 7.4.1 that servers have a use for. Applications have those from 4000 to 4999 for their own.
pub mod close_code {
    /// The purpose has been fulfilled.
    pub const NORMAL: u16 = 1000;
    /// The server is shutting down, or the user has left the page.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the rules of the protocol.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A kind of message that is not taken.
    pub const UNSUPPORTED: u16 = 1003;
    /// The peer gave no code. Not to be sent.
    pub const NONE: u16 = 1005;
    /// Text that is no UTF-8, or the like.
    pub const INVALID_DATA: u16 = 1007;
    /// Against a rule that has no other code.
    pub const POLICY: u16 = 1008;
    /// A message that is longer than is allowed.
    pub const TOO_BIG: u16 = 1009;
    /// The server failed.
    pub const INTERNAL_ERROR: u16 = 1011;
}
