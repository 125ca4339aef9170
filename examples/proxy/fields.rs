//! Which header fields a proxy passes on, and what it adds: RFC 9110 section 7.6.

use std::net::IpAddr;

use greenwood::http::Request;
use greenwood::http::http::Version;

/// How the proxy calls itself in `Via`.
pub const NAME: &str = "greenwood";

/// Fields that are about one connection, also where `Connection` does not list them. `Proxy-Authorization` is meant for the first
/// proxy that asked for it.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields that the proxy writes itself.
const OWN: [&str; 6] = [
    "content-length",
    "expect",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// What the fields of one message are not passed on.
pub struct HopByHop<'a> {
    listed: Vec<&'a [u8]>,
}

impl<'a> HopByHop<'a> {
    /// From the values of the message's `Connection` fields.
    pub fn new(connection: impl Iterator<Item = &'a [u8]>) -> HopByHop<'a> {
        HopByHop { listed: connection.flat_map(list).collect() }
    }

    pub fn contains(&self, name: &str) -> bool {
        HOP_BY_HOP.iter().any(|known| name.eq_ignore_ascii_case(known))
            || self.lists(name.as_bytes())
    }

    /// Whether `Connection` itself has `option`.
    pub fn lists(&self, option: &[u8]) -> bool {
        self.listed.iter().any(|listed| listed.eq_ignore_ascii_case(option))
    }
}

/// The elements of a comma-separated value (RFC 9110 section 5.6.1).
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// The number that the values of a field such as `Content-Length` say, if all say the same: digits, and nothing else.
pub fn number<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Option<u64>, ()> {
    let mut number = None;
    for value in values {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(value).ok().filter(|_| digits).ok_or(())?;
        let n: u64 = text.parse().map_err(|_| ())?;
        if number.is_some_and(|number| number != n) {
            return Err(());
        }
        number = Some(n);
    }
    Ok(number)
}

/// How a request's body is marked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// What a request's head is passed on from.
pub struct Incoming<'a> {
    pub method: &'a str,
    pub target: String,
    pub version: Version,
    pub host: Option<&'a str>,
    pub fields: Vec<(&'a str, &'a [u8])>,
    pub client: Option<IpAddr>,
    pub secure: bool,
    pub framing: Framing,
}

impl<'a> Incoming<'a> {
    pub fn new(request: &'a Request<'_>) -> Incoming<'a> {
        let fields = request.headers();
        // The server has checked that it is one of these.
        let framing = match number(fields.get_all("content-length")) {
            _ if fields.get("transfer-encoding").is_some() => Framing::Chunked,
            Ok(Some(length)) => Framing::Length(length),
            _ => Framing::None,
        };
        let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
        Incoming {
            method: request.method().as_str(),
            target: format!("{}{query}", request.path()),
            version: request.version(),
            host: request.host(),
            fields: fields.iter().collect(),
            client: request.peer_addr().map(|peer| peer.ip()),
            secure: request.is_secure(),
            framing,
        }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|&(_, v)| v)
    }

    /// Another protocol that the client asks for. With a body it is not clear when that would begin.
    pub fn upgrade(&self) -> Option<&'a [u8]> {
        let listed = HopByHop::new(self.values("connection")).lists(b"upgrade");
        let asks = listed && self.version == Version::HTTP_11 && self.framing == Framing::None;
        if asks { self.values("upgrade").next() } else { None }
    }

    /// How many proxies the request may still pass, this one included, where the client may say that.
    pub fn max_forwards(&self) -> Option<u64> {
        let limited = matches!(self.method, "OPTIONS" | "TRACE");
        number(self.values("max-forwards")).ok().flatten().filter(|_| limited)
    }

    /// The head as it goes to the server `to`.
    pub fn encode(&self, to: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        let mut line = |parts: &[&[u8]]| {
            parts.iter().for_each(|part| out.extend_from_slice(part));
            out.extend_from_slice(b"\r\n");
        };
        line(&[self.method.as_bytes(), b" ", self.target.as_bytes(), b" HTTP/1.1"]);
        line(&[b"host: ", self.host.unwrap_or(to).as_bytes()]);
        let hop_by_hop = HopByHop::new(self.values("connection"));
        let left = self.max_forwards().map(|n| n.saturating_sub(1).to_string());
        for &(name, value) in &self.fields {
            let value = match &left {
                Some(left) if name.eq_ignore_ascii_case("max-forwards") => left.as_bytes(),
                _ => value,
            };
            let own = OWN.iter().any(|own| name.eq_ignore_ascii_case(own));
            if !own && !hop_by_hop.contains(name) {
                line(&[name.as_bytes(), b": ", value]);
            }
        }
        let version = if self.version == Version::HTTP_10 { "1.0 " } else { "1.1 " };
        line(&[b"via: ", version.as_bytes(), NAME.as_bytes()]);
        // What came with the request is what others say; the last element is what is known here.
        let client = self.client.map_or("unknown".to_owned(), |ip| ip.to_canonical().to_string());
        let mut chain: Vec<&[u8]> = self.values("x-forwarded-for").collect();
        chain.push(client.as_bytes());
        line(&[b"x-forwarded-for: ", &chain.join(&b", "[..])]);
        line(&[b"x-forwarded-proto: ", if self.secure { b"https" } else { b"http" }]);
        if let Some(host) = self.host {
            line(&[b"x-forwarded-host: ", host.as_bytes()]);
        }
        match self.framing {
            Framing::None => {}
            Framing::Length(n) => line(&[b"content-length: ", n.to_string().as_bytes()]),
            Framing::Chunked => line(&[b"transfer-encoding: chunked"]),
        }
        if let Some(protocol) = self.upgrade() {
            line(&[b"connection: upgrade"]);
            line(&[b"upgrade: ", protocol]);
        }
        line(&[]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming<'a>(fields: &[(&'a str, &'a str)]) -> Incoming<'a> {
        Incoming {
            method: "GET",
            target: "/a?b".to_owned(),
            version: Version::HTTP_11,
            host: Some("example.org"),
            fields: fields.iter().map(|&(name, value)| (name, value.as_bytes())).collect(),
            client: Some("::ffff:192.0.2.1".parse().unwrap()),
            secure: false,
            framing: Framing::None,
        }
    }

    fn encoded(incoming: &Incoming<'_>) -> String {
        String::from_utf8(incoming.encode("upstream:80")).unwrap()
    }

    const ADDED: &str = "via: 1.1 greenwood\r\nx-forwarded-for: 192.0.2.1\r\n\
                         x-forwarded-proto: http\r\nx-forwarded-host: example.org\r\n";

    #[test]
    fn what_is_about_the_connection_stays_behind() {
        let request = incoming(&[
            ("Host", "example.org"),
            ("Connection", "close, X-Secret"),
            ("connection", "Keep-Alive"),
            ("Keep-Alive", "timeout=5"),
            ("X-Secret", "1"),
            ("Accept", "*/*"),
            ("TE", "trailers"),
            ("Trailer", "x"),
            ("Proxy-Authorization", "Basic x"),
            ("Upgrade", "x"),
            ("Cookie", "a=b"),
            ("Expect", "100-continue"),
        ]);
        assert_eq!(
            encoded(&request),
            format!(
                "GET /a?b HTTP/1.1\r\nhost: example.org\r\nAccept: */*\r\nCookie: a=b\r\n{ADDED}\r\n"
            )
        );
    }

    #[test]
    fn what_others_say_of_the_client_comes_before_what_is_known() {
        let mut request = incoming(&[
            ("Via", "1.0 fred"),
            ("X-Forwarded-For", "10.0.0.1, 10.0.0.2"),
            ("x-forwarded-for", "10.0.0.3"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil"),
        ]);
        request.version = Version::HTTP_10;
        request.host = None;
        request.client = None;
        request.secure = true;
        assert_eq!(
            encoded(&request),
            "GET /a?b HTTP/1.1\r\nhost: upstream:80\r\nVia: 1.0 fred\r\nvia: 1.0 greenwood\r\n\
             x-forwarded-for: 10.0.0.1, 10.0.0.2, 10.0.0.3, unknown\r\n\
             x-forwarded-proto: https\r\n\r\n"
        );
    }

    #[test]
    fn bodies_are_marked_off_anew() {
        let mut request = incoming(&[("Transfer-Encoding", "chunked"), ("Content-Length", "007")]);
        request.framing = Framing::Chunked;
        assert!(encoded(&request).ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"));
        request.framing = Framing::Length(7);
        let text = encoded(&request);
        assert!(text.ends_with("\r\ncontent-length: 7\r\n\r\n"));
        assert!(!text.contains("Content-Length") && !text.contains("ncoding"), "{text}");
    }

    #[test]
    fn upgrades_are_passed_on() {
        let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("X", "y")];
        let mut request = incoming(&fields);
        let text = encoded(&request);
        assert!(text.ends_with("\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"), "{text}");
        request.framing = Framing::Length(1);
        assert_eq!(request.upgrade(), None);
        request.framing = Framing::None;
        request.version = Version::HTTP_10;
        assert_eq!(request.upgrade(), None);
        assert_eq!(incoming(&fields[1..]).upgrade(), None);
    }

    #[test]
    fn the_proxies_that_are_left_are_counted() {
        let mut request = incoming(&[("Max-Forwards", "3")]);
        assert!(encoded(&request).contains("\r\nMax-Forwards: 3\r\n"));
        request.method = "OPTIONS";
        assert_eq!(request.max_forwards(), Some(3));
        assert!(encoded(&request).contains("\r\nMax-Forwards: 2\r\n"));
    }

    #[test]
    fn numbers() {
        let of = |values: &[&'static str]| number(values.iter().map(|v| v.as_bytes()));
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["007", "7"]), Ok(Some(7)));
        assert_eq!(of(&["18446744073709551615"]), Ok(Some(u64::MAX)));
        for bad in [&["7", "8"][..], &["7, 7"], &[""], &["+7"], &["-7"], &["0x7"], &["7 "]] {
            assert_eq!(of(bad), Err(()), "{bad:?}");
        }
        assert_eq!(of(&["18446744073709551616"]), Err(()));
    }
}
