//! Messages that are valid, or nearly so.

mod change;
mod words;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use change::changed;
use words::*;

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
