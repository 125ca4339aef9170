//! Who may connect, and what a peer may cost.

use std::time::Duration;

/// Settings of a WebSocket. The defaults suit a server that faces the Internet.
///
/// ```
/// use greenwood_http::websocket::{Config, Origins};
///
/// let mut config = Config::default();
/// config.message = 64 * 1024;
/// config.origins = Origins::Only(vec!["https://app.example".to_owned()]);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Pages of which origins may connect. Default: this server's own.
    pub origins: Origins,
    /// The sub-protocols that this server speaks, in any order. The one that the client lists first is chosen. Default none.
    pub protocols: Vec<String>,
    /// Bytes of a message; a longer one closes with 1009. Default 1 MiB.
    pub message: usize,
    /// Bytes in one frame of a message; a longer one closes with 1009. Default 1 MiB.
    pub frame: usize,
    /// How long the peer may be silent until it is sent a ping. [`Duration::MAX`] for never. Default 30 s.
    pub ping_after: Duration,
    /// How long the peer may then be silent still, until it is given up. Default 30 s.
    pub pong_within: Duration,
    /// How long the peer has to answer when this side closes. Default 5 s.
    pub close_within: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            origins: Origins::Same,
            protocols: Vec::new(),
            message: 1024 * 1024,
            frame: 1024 * 1024,
            ping_after: Duration::from_secs(30),
            pong_within: Duration::from_secs(30),
            close_within: Duration::from_secs(5),
        }
    }
}

/// Pages of which origins may connect.
///
/// Browsers let any page open a WebSocket to any server and send that server's cookies along, so without a check a foreign page could act
/// as the user (RFC 6455 section 10.2). Programs that are no browsers send no `Origin`, and pass.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Those of this server, see [`Request::is_cross_origin`](crate::Request::is_cross_origin).
    Same,
    /// These, as browsers write them: `https://app.example`, with a port only if it is not the scheme's own.
    Only(Vec<String>),
    /// All. For services that do not know their callers by cookies, addresses or the like.
    Any,
}
