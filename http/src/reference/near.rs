//! Messages that are valid, or nearly so.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A request's head of parts that are valid but for some, changed in a few places.
pub(super) fn heads() -> BoxedStrategy<Vec<u8>> {
    let line = (
        mostly(METHODS, ODD_METHODS),
        mostly(TARGETS, ODD_TARGETS),
        mostly(VERSIONS, ODD_VERSIONS),
    );
    let host = mostly(HOSTS, ODD_HOSTS).prop_map(|host| format!("Host: {host}\r\n"));
    let framing = mostly(FRAMING, ODD_FRAMING);
    let fields = vec((select(NAMES), mostly(VALUES, ODD_VALUES)).prop_map(pair), 0..4);
    let head = (line, host, framing, fields).prop_map(|(line, host, framing, fields)| {
        let (method, target, version) = line;
        format!("{method} {target} {version}\r\n{host}{framing}{}\r\n", fields.concat())
    });
    changed(head.prop_map(String::into_bytes).boxed())
}

/// A chunked body, and something behind it.
pub(super) fn bodies() -> BoxedStrategy<Vec<u8>> {
    let extension = || mostly(EXTENSIONS, ODD_EXTENSIONS);
    let data = vec(any::<u8>(), 1..40);
    let chunk = (0..24usize, extension(), data).prop_map(|(style, extension, data)| {
        let size = size(data.len(), style);
        [format!("{size}{extension}\r\n").as_bytes(), &data, b"\r\n"].concat()
    });
    let chunks = vec(chunk, 0..4);
    let trailers = vec((select(NAMES), mostly(VALUES, ODD_VALUES)).prop_map(pair), 0..3);
    let body = (chunks, extension(), trailers).prop_map(|(chunks, extension, trailers)| {
        let end = format!("0{extension}\r\n{}\r\nGET /", trailers.concat());
        [chunks.concat(), end.into_bytes()].concat()
    });
    changed(body.boxed())
}

/// Requests one after the other, with bodies that look like some.
pub(super) fn streams() -> BoxedStrategy<Vec<u8>> {
    let path = || select(&["/read", "/read", "/unread", "/part"]);
    let version =
        || prop_oneof![9 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0\r\nConnection: keep-alive")];
    let field = mostly(
        &["", "A: b\r\n", "Connection: TE\r\n", "Content-Type: x/y\r\n"],
        &["Connection: close\r\n", "Expect: 100-continue\r\n", "Host: h\r\n"],
    );
    let data = || vec(select(BODY_PARTS), 0..4).prop_map(|parts| parts.concat());
    let method = || select(&["GET", "HEAD", "POST", "PUT"]);
    let start = (method(), path(), version(), field).prop_map(|(method, path, version, field)| {
        format!("{method} {path} {version}\r\nHost: h\r\n{field}")
    });
    let chunk = (data(), select(EXTENSIONS)).prop_map(|(data, extension)| match data.len() {
        0 => String::new(),
        length => format!("{length:x}{extension}\r\n{data}\r\n"),
    });
    let chunked = (vec(chunk, 0..4), select(&["", "A: b\r\n"])).prop_map(|(chunks, trailer)| {
        format!("Transfer-Encoding: chunked\r\n\r\n{}0\r\n{trailer}\r\n", chunks.concat())
    });
    let body = prop_oneof![
        Just("\r\n".to_owned()),
        data().prop_map(|data| format!("Content-Length: {}\r\n\r\n{data}", data.len())),
        chunked,
    ];
    let between = mostly(&["", "", "\r\n"], &["\r\n\r\n", "\r\n\r\n\r\n", "\n"]);
    let request = (between, start, body)
        .prop_map(|(between, start, body)| between.to_owned() + &start + &body);
    changed(vec(request, 1..5).prop_map(|requests| requests.concat().into_bytes()).boxed())
}

/// The length of a file, and a `Range` field.
pub(super) fn ranges() -> BoxedStrategy<Vec<u8>> {
    let number = || prop_oneof![5 => (0..30u64).prop_map(|n| n.to_string()), 1 => select(NUMBERS).prop_map(str::to_owned)];
    let spec = prop_oneof![
        3 => (number(), number()).prop_map(|(first, last)| format!("{first}-{last}")),
        1 => number().prop_map(|first| format!("{first}-")),
        1 => number().prop_map(|last| format!("-{last}")),
    ];
    let comma = || select(&[",", ", ", " ,\t", ",,", ""]);
    let specs = vec((spec, comma()).prop_map(|(spec, comma)| spec + comma), 0..20);
    let length = prop_oneof![9 => 0..30u8, 1 => any::<u8>()];
    let unit = mostly(&["bytes=", "Bytes="], &["bytes =", "bytes", "lines=", "="]);
    let field = (length, unit, specs).prop_map(|(length, unit, specs)| {
        [&[length], unit.as_bytes(), specs.concat().as_bytes()].concat()
    });
    changed(field.boxed())
}

/// Patterns, and paths.
pub(super) fn routers() -> BoxedStrategy<Vec<u8>> {
    let pattern = vec(select(PARTS), 1..5).prop_map(|parts| {
        // No two parameters of a pattern may have one name.
        let parts = parts.iter().enumerate().map(|(i, part)| part.replace('x', &format!("x{i}")));
        parts.map(|part| format!("/{part}")).collect::<String>()
    });
    let path = vec(select(&["/", "/a", "/b", "/ab", "/%61", "/{", "/a.b", "/abb", "/.."]), 1..5);
    let table = (vec(pattern, 1..6), vec(path.prop_map(|parts| parts.concat()), 1..6));
    let table = table.prop_map(|(patterns, paths)| {
        [patterns.join("\n"), paths.join("\n")].join("\n\n").into_bytes()
    });
    prop_oneof![9 => table.clone(), 1 => changed(table.boxed())].boxed()
}

/// Paths of files.
pub(super) fn paths() -> BoxedStrategy<Vec<u8>> {
    let parts = select(&[
        "/", "a", ".", "..", "%2e", "%2F", "%5c", "\\", "%00", "%", "%C3%A9", "%c3", "\u{e9}",
        "%25",
    ]);
    changed(vec(parts, 0..8).prop_map(|parts| parts.concat().into_bytes()).boxed())
}

/// A number of bytes, written in ways of which the first are not valid.
fn size(n: usize, style: usize) -> String {
    match style {
        0 => format!("+{n:x}"),
        1 => format!("0x{n:x}"),
        2 => format!(" {n:x}"),
        3 => format!("{n:x}\t"),
        4 => format!("{n:017x}"),
        5 => format!("{:x}", n + 1),
        6 => format!("{:x}", n - 1),
        7 => format!("{n:016X}"),
        8 => format!("0{n:x}"),
        _ => format!("{n:x}"),
    }
}

fn mostly(fine: &'static [&str], odd: &'static [&str]) -> BoxedStrategy<&'static str> {
    prop_oneof![15 => select(fine), 1 => select(odd)].boxed()
}

fn pair((name, value): (&str, &str)) -> String {
    format!("{name}: {value}\r\n")
}

/// What may be done to a message. Positions are taken modulo its length.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, &'static [u8]),
    Replace(Index, u8),
    Remove(Index, usize),
    /// Copies a piece to another place.
    Repeat(Index, usize, Index),
    ToggleCase(Index),
    /// Has a line end in another way.
    End(Index, &'static [u8]),
    Cut(Index),
}

fn changed(messages: BoxedStrategy<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    let change = prop_oneof![
        4 => (any::<Index>(), select(SPLINTERS)).prop_map(|(at, what)| Change::Insert(at, what)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (any::<Index>(), 1..6usize).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (any::<Index>(), 1..40usize, any::<Index>())
            .prop_map(|(from, length, to)| Change::Repeat(from, length, to)),
        1 => any::<Index>().prop_map(Change::ToggleCase),
        2 => (any::<Index>(), select(ENDS)).prop_map(|(at, end)| Change::End(at, end)),
        1 => any::<Index>().prop_map(Change::Cut),
    ];
    let changes = prop_oneof![vec(change.clone(), 0..2), vec(change, 2..5)];
    let messages = (messages, changes).prop_map(|(mut message, changes)| {
        for change in changes {
            apply(&mut message, change);
        }
        message
    });
    messages.boxed()
}

fn apply(message: &mut Vec<u8>, change: Change) {
    let place = |at: Index| at.index(message.len() + 1);
    match change {
        Change::Insert(at, what) => {
            let at = place(at);
            message.splice(at..at, what.iter().copied());
        }
        Change::Replace(at, byte) => {
            let at = place(at);
            if let Some(old) = message.get_mut(at) {
                *old = byte;
            }
        }
        Change::Remove(at, length) => {
            let at = place(at);
            message.drain(at..(at + length).min(message.len()));
        }
        Change::Repeat(from, length, to) => {
            let (from, to) = (place(from), place(to));
            let piece = message[from..(from + length).min(message.len())].to_vec();
            message.splice(to..to, piece);
        }
        Change::ToggleCase(at) => {
            let at = place(at);
            if let Some(byte) = message.get_mut(at) {
                *byte ^= 0x20;
            }
        }
        Change::End(at, end) => {
            let pairs = message.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n");
            let ends: Vec<usize> = pairs.map(|(at, _)| at).collect();
            if !ends.is_empty() {
                let at = ends[at.index(ends.len())];
                message.splice(at..at + 2, end.iter().copied());
            }
        }
        Change::Cut(at) => message.truncate(place(at)),
    }
}

const METHODS: &[&str] = &["GET", "POST", "HEAD", "OPTIONS", "PURGE", "get", "M-SEARCH"];
const ODD_METHODS: &[&str] = &["CONNECT", "", "G(T", "PRI", "GET /"];

const TARGETS: &[&str] = &[
    "/",
    "/a/b",
    "/a?b=c&d",
    "/%41|\\",
    "//h/p",
    "http://h/",
    "http://h:80/p?q",
    "HTTPS://[::1]:443",
    "http://a%20b?c",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];
const ODD_TARGETS: &[&str] = &[
    "",
    "*",
    "http://u@h/",
    "http:///p",
    "http://h:80:80",
    "h:80",
    "/a#b",
    "/\u{e9}",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

const VERSIONS: &[&str] = &["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"];
const ODD_VERSIONS: &[&str] = &["HTTP/2.0", "HTTP/1.2", "HTTP/11", "http/1.1", "HTTP/1.1 ", ""];

const HOSTS: &[&str] = &[
    "h",
    "example.com:8080",
    "127.0.0.1:80",
    "[::1]",
    "[2001:db8::1.2.3.4]:80",
    "[1:2:3:4:5:6:7::]",
    "[1:2:3:4:5:6:7:8]:",
    "a%2fb",
    "a,b",
];
const ODD_HOSTS: &[&str] = &[
    "[::1%25eth0]",
    "[v1.a]",
    "[1:2:3:4:5:6:7:8::]",
    "[::01.2.3.4]",
    "a%2",
    "",
    ":80",
    "a:b",
    "u@h",
];

const FRAMING: &[&str] = &[
    "",
    "Content-Length: 3\r\n",
    "Content-Length: 000\r\n",
    "content-length:18446744073709551615 \r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:\tCHUNKED\r\n",
];
const ODD_FRAMING: &[&str] = &[
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: 184467440737095516100\r\n",
    "Content-Length: +3\r\n",
    "Content-Length: 3, 3\r\n",
    "Content-Length: 3\r\nContent-Length: 3\r\n",
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "Transfer-Encoding: chunked;a=b\r\n",
    "Transfer-Encoding: gzip ;a=b\r\n",
    "Transfer-Encoding: ,\r\n",
];

const NAMES: &[&str] = &["A", "accept", "x!#$%&'*+-.^_`|~1", "Connection", "connection", "Upgrade"];

const VALUES: &[&str] = &[
    "",
    "a",
    "a b\t c",
    "\u{e9}",
    "\"(),/:;<=>?@[\\]{}",
    "close",
    "Keep-Alive",
    "keep-alive, TE , close",
    "close\t,",
    ", ,",
    "a\r\nExpect: 100-Continue",
];
const ODD_VALUES: &[&str] = &["\0", "a\r\n b", "a\r\nExpect: tea", "a\r\nHost: h"];

const NUMBERS: &[&str] = &[
    "",
    "00",
    "007",
    "+1",
    "1 ",
    "0x1",
    "-1",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
];

const PARTS: &[&str] = &[
    "a", "b", "ab", "{x}", "{x}", "a{x}", "{x}b", "a{x}b", "{x}.{x}", "{*x}", "a{*x}", "{{", "",
    "%61",
];

const BODY_PARTS: &[&str] = &[
    "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "0\r\n\r\n",
    "\r\n",
    "abc",
    "\n\n",
    "POST /smuggled HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
];

const EXTENSIONS: &[&str] = &["", "", "", ";a", ";a=b;c=\"d\"", ";", ";\t\u{e9} "];
const ODD_EXTENSIONS: &[&str] = &[" ;a", ";\0", ";a\n", ";a\rb"];

const ENDS: &[&[u8]] = &[b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\n", b"\r\n\t", b"\0\r\n", b""];

/// What attacks are made of.
const SPLINTERS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\n ",
    b"\r\n\t",
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b"\xff",
    b":",
    b",",
    b";",
    b"0",
    b"1",
    b"+",
    b"%",
    b"/",
    b"?",
    b"@",
    b"[",
    b"]",
    b"HTTP/1.1",
    b"Host: h\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: close\r\n",
    b"0\r\n\r\n",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    b"A: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n",
];
