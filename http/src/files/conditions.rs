//! Conditional requests, by the precedence of RFC 9110 section 13.2.2.

use std::time::{Duration, SystemTime};

use http::Method;

use super::entity_tag;
use super::validators::Validators;
use crate::request::Fields;

/// What the conditions of a GET or HEAD request make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is answered in full.
    Whole,
    /// It is answered, in part if a `Range` asks for that.
    Ranged,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client thinks it is.
    Failed,
}

pub(super) fn evaluate(method: &Method, fields: Fields<'_>, validators: &Validators) -> Outcome {
    let tag = validators.tag();
    if fields.get("if-match").is_some() {
        if !any(fields, "if-match", |other| tag.matches_strongly(other)) {
            return Outcome::Failed;
        }
    } else if let (Some(date), Some(modified)) =
        (date(fields, "if-unmodified-since"), validators.modified())
        && modified > date
    {
        return Outcome::Failed;
    }
    if fields.get("if-none-match").is_some() {
        if any(fields, "if-none-match", |other| tag.matches_weakly(other)) {
            return Outcome::NotModified;
        }
    } else if let (Some(date), Some(modified)) =
        (date(fields, "if-modified-since"), validators.modified())
        && modified <= date
    {
        return Outcome::NotModified;
    }
    if *method == Method::GET && if_range(fields, validators) {
        Outcome::Ranged
    } else {
        Outcome::Whole
    }
}

/// Whether the client's part of the file fits to what there is now. That must be certain, so only strong validators count.
fn if_range(fields: Fields<'_>, validators: &Validators) -> bool {
    let mut values = fields.get_all("if-range");
    let value = match (values.next(), values.next()) {
        (None, _) => return true,
        (Some(value), None) => value,
        (Some(_), Some(_)) => return false,
    };
    if let Some((tag, rest)) = entity_tag::parse(value) {
        return rest.is_empty() && validators.tag().matches_strongly(tag);
    }
    // A date is strong from a second later on: what was sent with it cannot be followed by a change of the same date (section
    // 8.8.2.2).
    let settled = |modified: SystemTime| validators.now >= modified + Duration::from_secs(1);
    match (parse_date(value), validators.modified()) {
        (Some(date), Some(modified)) => date == modified && settled(modified),
        _ => false,
    }
}

/// Whether `*`, or a tag in one of the fields of this name, matches.
fn any(
    fields: Fields<'_>,
    name: &str,
    matches: impl Fn(entity_tag::EntityTag<'_>) -> bool,
) -> bool {
    fields.get_all(name).any(|list| list == b"*" || entity_tag::any(list, &matches))
}

/// The date in the only field of this name. What is no date, and more than one, is as good as nothing (sections 13.1.3 and 13.1.4).
fn date(fields: Fields<'_>, name: &str) -> Option<SystemTime> {
    let mut values = fields.get_all(name);
    let date = parse_date(values.next()?)?;
    values.next().is_none().then_some(date)
}

fn parse_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Raw;
    use Outcome::*;
    use std::time::UNIX_EPOCH;

    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const EXACTLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const OBSOLETE: &str = "Sunday, 06-Nov-94 08:49:37 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn outcome(method: &Method, fields: &[(&str, &str)], weak: bool, age: u64) -> Outcome {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let raw = Raw::new(&fields);
        let modified = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let validators = Validators::of_parts("a", weak, modified, Duration::from_secs(age));
        evaluate(method, raw.fields(), &validators)
    }

    #[test]
    fn precedence() {
        let cases: &[(&[(&str, &str)], Outcome)] = &[
            (&[], Ranged),
            (&[("If-Match", "\"a\"")], Ranged),
            (&[("If-Match", "*")], Ranged),
            (&[("If-Match", "\"b\", \"a\"")], Ranged),
            (&[("If-Match", "\"b\""), ("if-match", "\"a\"")], Ranged),
            (&[("If-Match", "\"b\"")], Failed),
            (&[("If-Match", "W/\"a\"")], Failed),
            (&[("If-Match", "")], Failed),
            (&[("If-Match", "a")], Failed),
            (&[("If-Unmodified-Since", BEFORE)], Failed),
            (&[("If-Unmodified-Since", EXACTLY)], Ranged),
            (&[("If-Unmodified-Since", AFTER)], Ranged),
            (&[("If-Unmodified-Since", "yesterday")], Ranged),
            (&[("If-Unmodified-Since", BEFORE), ("If-Unmodified-Since", BEFORE)], Ranged),
            // If-Match counts alone.
            (&[("If-Match", "\"a\""), ("If-Unmodified-Since", BEFORE)], Ranged),
            (&[("If-Match", "\"b\""), ("If-Unmodified-Since", AFTER)], Failed),
            (&[("If-None-Match", "\"a\"")], NotModified),
            (&[("If-None-Match", "W/\"a\"")], NotModified),
            (&[("If-None-Match", "*")], NotModified),
            (&[("If-None-Match", "\"c\",\"a\"")], NotModified),
            (&[("If-None-Match", "\"b\"")], Ranged),
            (&[("If-None-Match", "a")], Ranged),
            (&[("If-None-Match", "\"*\"")], Ranged),
            (&[("If-Modified-Since", BEFORE)], Ranged),
            (&[("If-Modified-Since", EXACTLY)], NotModified),
            (&[("If-Modified-Since", OBSOLETE)], NotModified),
            (&[("If-Modified-Since", AFTER)], NotModified),
            (&[("If-Modified-Since", "0")], Ranged),
            // If-None-Match counts alone.
            (&[("If-None-Match", "\"b\""), ("If-Modified-Since", AFTER)], Ranged),
            (&[("If-None-Match", "\"a\""), ("If-Modified-Since", BEFORE)], NotModified),
            // What fails comes before what has not changed.
            (&[("If-Match", "\"b\""), ("If-None-Match", "\"a\"")], Failed),
            (&[("If-Match", "\"a\""), ("If-None-Match", "\"a\"")], NotModified),
            (&[("If-Unmodified-Since", BEFORE), ("If-Modified-Since", AFTER)], Failed),
            (&[("If-Range", "\"a\"")], Ranged),
            (&[("If-Range", "\"b\"")], Whole),
            (&[("If-Range", "W/\"a\"")], Whole),
            (&[("If-Range", "\"a\", \"b\"")], Whole),
            (&[("If-Range", "*")], Whole),
            (&[("If-Range", "\"a\""), ("If-Range", "\"a\"")], Whole),
            (&[("If-Range", EXACTLY)], Ranged),
            (&[("If-Range", BEFORE)], Whole),
            (&[("If-Range", AFTER)], Whole),
            (&[("If-Range", "\"b\""), ("If-None-Match", "\"a\"")], NotModified),
        ];
        for (fields, expected) in cases {
            assert_eq!(outcome(&Method::GET, fields, false, 9), *expected, "{fields:?}");
            // HEAD has no ranges, and the same outcome otherwise.
            let expected = if *expected == Ranged { Whole } else { *expected };
            assert_eq!(outcome(&Method::HEAD, fields, false, 9), expected, "HEAD {fields:?}");
        }
    }

    #[test]
    fn what_is_weak_does_not_resume() {
        let get = |fields, weak, age| outcome(&Method::GET, fields, weak, age);
        assert_eq!(get(&[("If-Range", "W/\"a\"")], true, 9), Whole);
        assert_eq!(get(&[("If-Range", "\"a\"")], true, 9), Whole);
        assert_eq!(get(&[("If-Match", "\"a\"")], true, 9), Failed);
        assert_eq!(get(&[("If-None-Match", "W/\"a\"")], true, 9), NotModified);
        assert_eq!(get(&[("If-Range", EXACTLY)], false, 0), Whole);
        assert_eq!(get(&[("If-Range", EXACTLY)], false, 1), Ranged);
    }
}
