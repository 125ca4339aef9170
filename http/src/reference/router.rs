//! Routes, tried one by one.

use http::Method;

use super::path::decode;
use crate::request::percent_decode;
use crate::router::Router;

/// Panics unless paths are matched as their patterns say. One pattern a line up to an empty one, then one path a line.
pub fn check_router(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let mut patterns: Vec<&str> = Vec::new();
    for pattern in lines.by_ref().take_while(|line| !line.is_empty()).take(8) {
        // Which go together is for the router to say.
        patterns.push(pattern);
        if router(&patterns).build().is_err() {
            patterns.pop();
        }
    }
    let routes = router(&patterns).build().expect("was built before");
    for path in lines.filter(|path| is_path(path)).take(8) {
        let (_, matched) = routes.find(&Method::GET, path);
        let shown = format!("{path:?} among {patterns:?}");
        let found: Option<&str> = matched.pattern(path);
        let values: Vec<&str> = matched.params(path).map(|(_, value)| value).collect();
        let matching: Vec<(&str, Vec<&str>)> =
            patterns.iter().filter_map(|p| Some((*p, takes(&pieces(p), path)?))).collect();
        let Some(found) = found else {
            let missed = matching.iter().find(|(p, _)| !patterns.iter().any(|o| hides(o, p, path)));
            assert_eq!(missed, None, "{shown}");
            continue;
        };
        // Routes without parameters are known by the path they match.
        let own = |(pattern, taken): &&(&str, Vec<&str>)| {
            *taken == values && (*pattern == found || taken.is_empty() && found == path)
        };
        let Some((found, _)) = matching.iter().find(own) else {
            panic!("{shown}: {found} with {values:?} in place of {matching:?}");
        };
        for (other, _) in &matching {
            assert!(!comes_before(other, found), "{shown}: {found} before {other}");
        }
        for value in values {
            assert_eq!(percent_decode(value).ok().as_deref(), decode(value).as_deref(), "{shown}");
        }
    }
}

fn router(patterns: &[&str]) -> Router {
    patterns.iter().fold(Router::new(), |router, pattern| router.get(pattern, || ()))
}

/// What is parsed as the path of a request.
fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'?')
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(char),
    Parameter,
    Rest,
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("{{") || rest.starts_with("}}") {
            pieces.push(Piece::Text(c));
            rest = &rest[2..];
        } else if c == '{' {
            let end = rest.find('}').expect("was checked");
            pieces.push(if rest.starts_with("{*") { Piece::Rest } else { Piece::Parameter });
            rest = &rest[end + 1..];
        } else {
            pieces.push(Piece::Text(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    pieces
}

/// The values of the parameters, if all of `path` is taken.
fn takes<'p>(pieces: &[Piece], path: &'p str) -> Option<Vec<&'p str>> {
    let Some((piece, pieces)) = pieces.split_first() else {
        return path.is_empty().then(Vec::new);
    };
    let longest = match piece {
        Piece::Text(c) => return takes(pieces, path.strip_prefix(*c)?),
        Piece::Parameter => path.find('/').unwrap_or(path.len()),
        Piece::Rest => path.len(),
    };
    (1..=longest).find_map(|length| {
        let (value, rest) = path.split_at(length);
        let mut values = takes(pieces, rest)?;
        values.insert(0, value);
        Some(values)
    })
}

fn segments(pattern: &str) -> Vec<Vec<Piece>> {
    pieces(pattern).split(|piece| *piece == Piece::Text('/')).map(<[Piece]>::to_vec).collect()
}

/// Whether `one` is all text in the first segment in which it differs from `other`, and `other` is not.
fn comes_before(one: &str, other: &str) -> bool {
    let (one, other) = (segments(one), segments(other));
    let Some((one, other)) = one.iter().zip(&other).find(|(one, other)| one != other) else {
        return false;
    };
    let is_text = |segment: &[Piece]| segment.iter().all(|piece| matches!(piece, Piece::Text(_)));
    is_text(one) && !is_text(other)
}

/// Whether `one` has a parameter with more text behind it than `other` there, and this is how the segment of `path` ends: then `other`
/// is not looked at, even if `one` does not go on as the path does.
fn hides(one: &str, other: &str, path: &str) -> bool {
    let (one, other) = (segments(one), segments(other));
    let segments = one.iter().zip(&other).zip(path.split('/'));
    let Some(((one, other), segment)) = segments.into_iter().find(|((one, other), _)| one != other)
    else {
        return false;
    };
    let text =
        |segment: &[Piece]| segment.iter().skip_while(|piece| **piece != Piece::Parameter).count();
    text(one) > text(other) && text(other) > 0 && takes(one, segment).is_some()
}
