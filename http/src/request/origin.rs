//! Where the page comes from whose script sends a request.

use super::Request;

impl Request<'_> {
    /// Whether a page of another origin than this server's makes a browser send this: `Origin` is there, and its host and port are not those
    /// that the request is addressed to ([`Request::host`]).
    ///
    /// For what changes something on behalf of the user, whose cookies the browser sends along whichever page asks for it. Browsers say the
    /// origin with every WebSocket handshake, and with all requests but GET and HEAD (Fetch standard, section ["`Origin`
    /// header"](https://fetch.spec.whatwg.org/#origin-header)). Other programs need not: without the field this is false.
    ///
    /// A proxy in front must leave `Host` as it is. Its scheme is not compared, as TLS may have ended there. And a name that somebody else's
    /// DNS makes point here is the server's own, as far as this can tell: where that matters, look at [`Request::host`] too.
    pub fn is_cross_origin(&self) -> bool {
        let mut origins = self.headers().get_all("origin");
        match (origins.next(), origins.next()) {
            (None, _) => false,
            (Some(origin), None) => !self.host().is_some_and(|host| is_same(origin, host)),
            (Some(_), Some(_)) => true,
        }
    }
}

/// Whether a page from `origin` is one of the server that is addressed as `host`.
fn is_same(origin: &[u8], host: &str) -> bool {
    let Some((scheme, authority)) =
        std::str::from_utf8(origin).ok().and_then(|o| o.split_once("://"))
    else {
        // `null` among others: sandboxed pages, local files.
        return false;
    };
    let default_port = match scheme {
        "http" => "80",
        "https" => "443",
        _ => return false,
    };
    let (name, port) = split_port(authority);
    let (host, host_port) = split_port(host);
    !name.is_empty()
        && name.eq_ignore_ascii_case(host)
        && port.unwrap_or(default_port) == host_port.unwrap_or(default_port)
}

/// The port is absent also if it is empty.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // What comes behind the last colon of a bare IPv6 address is no port.
        Some((name, port)) if !port.ends_with(']') => (name, (!port.is_empty()).then_some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_and_not() {
        for (origin, host) in [
            ("http://a.example", "a.example"),
            ("https://a.example", "A.example"),
            ("http://a.example", "a.example:80"),
            ("https://a.example", "a.example:443"),
            ("http://a.example:8080", "a.example:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("http://[::1]", "[::1]"),
            ("http://a.example", "a.example:"),
        ] {
            assert!(is_same(origin.as_bytes(), host), "{origin} {host}");
        }
        for (origin, host) in [
            ("http://a.example", "b.example"),
            ("http://a.example", "xa.example"),
            ("http://a.example.b", "a.example"),
            ("http://a.example:8080", "a.example"),
            ("http://a.example", "a.example:8080"),
            ("https://a.example", "a.example:80"),
            ("http://[::1]", "[::2]"),
            ("http://a.example@b", "a.example"),
            ("http://a.example/", "a.example"),
            ("chrome-extension://a.example", "a.example"),
            ("null", "null"),
            ("http://", ""),
            ("", ""),
        ] {
            assert!(!is_same(origin.as_bytes(), host), "{origin} {host}");
        }
        assert!(!is_same(b"http://\xff", "\u{fffd}"));
    }
}
