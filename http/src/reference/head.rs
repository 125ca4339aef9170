//! A request's head, by RFC 9112 sections 2 to 6 and what this server has decided where they leave a choice.

use super::host::is_host;
use super::{Verdict, elements, find, is_text, is_token, split, strip};
use crate::limits::Limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) authority: Option<String>,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) minor_version: u8,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    /// Of the body; `None` if it comes chunked.
    pub(super) length: Option<u64>,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    /// Bytes of the head.
    pub(super) head: usize,
}

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Verdict<Request> {
    if bytes.starts_with(b"\r\n") {
        // Empty lines have been skipped before this, as many as are allowed.
        return Verdict::Refused(vec![400]);
    }
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        if bytes.len() >= limits.head {
            let mut broken = read_complete(&[bytes, b"\r\n\r\n"].concat(), limits).1;
            broken.push(431);
            return Verdict::Refused(broken);
        }
        return Verdict::Incomplete;
    };
    let head = end + 4;
    let (request, broken) = read_complete(&bytes[..head], limits);
    match request {
        Some(request) if broken.is_empty() => Verdict::Complete(request),
        _ => Verdict::Refused(broken),
    }
}

/// The request, and the statuses of all rules that it breaks.
fn read_complete(head: &[u8], limits: &Limits) -> (Option<Request>, Vec<u16>) {
    let mut broken = Vec::new();
    if head.len() > limits.head {
        broken.push(431);
    }
    let lines = split(&head[..head.len() - 4], b"\r\n");
    // Neither CR nor LF is anything but a part of CRLF.
    if lines.iter().any(|line| line.contains(&b'\r') || line.contains(&b'\n')) {
        broken.push(400);
    }

    let words = split(lines[0], b" ");
    let target = words.get(1).copied().unwrap_or_default();
    let length = target.iter().position(|&byte| byte < 0x21 || byte == 0x7f);
    if length.unwrap_or(target.len()) > limits.target {
        broken.push(414);
    }
    let line = request_line(&words, &mut broken);

    // A line that ends wrongly is one too many as well.
    let ends = head.iter().filter(|&&byte| byte == b'\n').count();
    if ends - 2 > limits.fields {
        broken.push(431);
    }
    let mut fields = Vec::new();
    for line in &lines[1..] {
        match field_line(line) {
            Some(field) => fields.push(field),
            None => broken.push(400),
        }
    }
    let Some((method, target, minor_version)) = line else { return (None, broken) };

    let named = |name: &str| -> Vec<&[u8]> {
        let named = fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    };
    host(&named("host"), minor_version, &mut broken);
    let length =
        body(&named("content-length"), &named("transfer-encoding"), minor_version, &mut broken);
    let expect = named("expect");
    if expect.iter().any(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        broken.push(417);
    }
    let connection: Vec<String> = named("connection").into_iter().flat_map(elements).collect();
    let says = |option: &str| connection.iter().any(|o| o == option);
    let keep_alive = !says("close") && (minor_version == 1 || says("keep-alive"));
    let expects_continue = !expect.is_empty() && minor_version == 1 && length != Some(0);

    let Some((authority, path, query)) = parts(&method, &target) else {
        broken.push(400);
        return (None, broken);
    };
    let head = head.len();
    let request = Request {
        method,
        target,
        authority,
        path,
        query,
        minor_version,
        fields,
        length,
        keep_alive,
        expects_continue,
        head,
    };
    (Some(request), broken)
}

/// `request-line = method SP request-target SP HTTP-version` (RFC 9112 section 3); the minor version.
fn request_line(words: &[&[u8]], broken: &mut Vec<u16>) -> Option<(String, String, u8)> {
    let [method, target, version] = words else {
        broken.push(400);
        return None;
    };
    if !is_token(method) {
        broken.push(400);
    }
    if *method == b"CONNECT" {
        broken.push(501);
    }
    // Not all of these are in a URI, but browsers send them; `#` and what is beyond ASCII is never sent.
    let visible = |byte: &u8| (0x21..=0x7e).contains(byte) && *byte != b'#';
    if target.is_empty() || !target.iter().all(visible) {
        broken.push(400);
    }
    let minor_version = match *version {
        b"HTTP/1.0" => 0,
        b"HTTP/1.1" => 1,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            broken.push(505);
            return None;
        }
        _ => {
            broken.push(400);
            return None;
        }
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((text(method), text(target), minor_version))
}

/// `field-line = field-name ":" OWS field-value OWS` (RFC 9112 section 5).
fn field_line(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (&line[..colon], strip(&line[colon + 1..]));
    (is_token(name) && is_text(value))
        .then(|| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
}

/// RFC 9112 section 3.2.
fn host(values: &[&[u8]], minor_version: u8, broken: &mut Vec<u16>) {
    let fine = match values {
        [] => minor_version == 0,
        [host] => std::str::from_utf8(host).is_ok_and(is_host),
        _ => false,
    };
    if !fine {
        broken.push(400);
    }
}

/// RFC 9112 section 6.3, with each choice taken for the error.
fn body(
    lengths: &[&[u8]],
    codings: &[&[u8]],
    minor_version: u8,
    broken: &mut Vec<u16>,
) -> Option<u64> {
    match (lengths, codings) {
        ([], []) => Some(0),
        ([length], []) => {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(length).ok().and_then(|s| s.parse::<u64>().ok());
            if !digits || length.is_none() {
                broken.push(400);
            }
            length
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") && minor_version == 1 => None,
        ([], [coding]) if minor_version == 1 => {
            let codings = elements(coding);
            let name = |coding: &str| {
                coding
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim_end_matches([' ', '\t'])
                    .to_owned()
            };
            let names: Vec<String> = codings.iter().map(|coding| name(coding)).collect();
            let bare = |(name, coding): (&String, &String)| name != "chunked" || name == coding;
            let well_formed = names.iter().all(|name| is_token(name.as_bytes()))
                && names.iter().zip(&codings).all(bare);
            let chunked = names.iter().position(|name| name == "chunked");
            let ends = chunked.is_none_or(|at| at + 1 == names.len());
            let foreign = names.iter().any(|name| name != "chunked");
            broken.push(if well_formed && ends && foreign { 501 } else { 400 });
            None
        }
        _ => {
            broken.push(400);
            None
        }
    }
}

type Parts = (Option<String>, String, Option<String>);

/// Authority, path and query of the forms of RFC 9112 section 3.2.
fn parts(method: &str, target: &str) -> Option<Parts> {
    let (rest, query) = match target.split_once('?') {
        Some((rest, query)) => (rest, Some(query.to_owned())),
        None => (target, None),
    };
    if rest.starts_with('/') {
        return Some((None, rest.to_owned(), query));
    }
    if target == "*" && method == "OPTIONS" {
        return Some((None, "*".to_owned(), None));
    }
    let lower = rest.to_ascii_lowercase();
    let scheme = ["http://", "https://"].into_iter().find(|scheme| lower.starts_with(scheme))?;
    let rest = &rest[scheme.len()..];
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let path = if path.is_empty() { "/" } else { path };
    is_host(authority).then(|| (Some(authority.to_owned()), path.to_owned(), query))
}
