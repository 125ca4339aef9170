//! Looking up host names without holding a worker up.
//!
//! The system's own `getaddrinfo` does the work, so that `/etc/hosts`, `nsswitch.conf` and whatever else the system is
//! set up with hold. It blocks, for seconds at times, and so runs on threads of its own, [`LOOKUPS_AT_ONCE`] at most:
//! slow name servers can hold up other look-ups, and nothing else. Equal names that are asked for at the same time are
//! looked up once.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::LazyLock;
use std::time::Duration;

mod flight;
mod resolver;

use resolver::Resolver;

/// How long the look-ups wait that [`ToSocketAddrs`](crate::ToSocketAddrs) makes. More than `getaddrinfo` itself takes
/// with the resolver's defaults for two servers (resolv.conf(5): 5 seconds, 2 attempts).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How many names are looked up at the same time; further ones wait for their turn.
pub const LOOKUPS_AT_ONCE: usize = 16;

static SYSTEM: LazyLock<Resolver> = LazyLock::new(|| Resolver::new(LOOKUPS_AT_ONCE, getaddrinfo));

/// The addresses of `host`, with `port`, in the order that the system prefers (RFC 6724). May suspend, `timeout` at
/// most.
///
/// An IP address in text form is taken as it is. A look-up that nobody waits for any more goes on in the background
/// for those who ask next.
///
/// # Errors
///
/// `TimedOut` after `timeout`; otherwise the error of `getaddrinfo`, of the kind that std gives it. Both name the host.
/// ECANCELED when the coroutine is cancelled, ETIMEDOUT when the time of a [`timeout`](greenwood_runtime::timeout) around the call is over.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use greenwood_net::dns::lookup_host;
///
/// # fn main() -> std::io::Result<()> {
/// let addrs = lookup_host("localhost", 80, Duration::from_secs(5))?;
/// assert!(addrs.iter().all(|addr| addr.port() == 80 && addr.ip().is_loopback()));
/// # Ok(())
/// # }
/// ```
pub fn lookup_host(host: &str, port: u16, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let mut addrs = SYSTEM.lookup(host, timeout)?;
    addrs.iter_mut().for_each(|addr| addr.set_port(port));
    Ok(addrs)
}

/// std's look-up, which works round glibc's habits and makes the error texts that programs know.
fn getaddrinfo(host: &str) -> io::Result<Vec<SocketAddr>> {
    (host, 0).to_socket_addrs().map(Iterator::collect)
}

#[cfg(test)]
mod tests;
