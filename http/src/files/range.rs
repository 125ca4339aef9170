//! The `Range` field (RFC 9110 section 14): which bytes of a file are asked for.

use std::ops::Range;

/// Ranges that are honoured in one request. A viewer of documents asks for a handful; each of them costs a part's head and reads of
/// its own, so thousands of tiny ones would be an attack. Section 14.2 lets a server ignore those.
const MAX_RANGES: usize = 16;

/// What a `Range` field selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Everything: there is no range that should be honoured.
    Whole,
    /// Nothing: no range begins within the file.
    Unsatisfiable,
    /// At least one non-empty range. They neither overlap nor touch, and stand in the order they were asked for, or, if some had
    /// to be merged, in that of the file.
    Ranges(Vec<Range<u64>>),
}

/// Reads the value of a `Range` field for a file of `length` bytes.
///
/// What is not understood is ignored, as section 14.2 has it: other units, invalid syntax, too many ranges. Overlapping ranges are merged
/// (section 15.3.7.2), so that the answer is never longer than the file.
pub fn parse(value: &[u8], length: u64) -> Selection {
    let Some((unit, set)) = split_once(value, b'=') else { return Selection::Whole };
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return Selection::Whole;
    }
    let mut ranges = Vec::new();
    let mut count = 0;
    for spec in set.split(|&b| b == b',').map(trim).filter(|spec| !spec.is_empty()) {
        count += 1;
        let Some(spec) = Spec::parse(spec).filter(|_| count <= MAX_RANGES) else {
            return Selection::Whole;
        };
        match spec.within(length) {
            // The last bytes of nothing: satisfiable (section 14.1.2), but no `Content-Range` can say so.
            Some(range) if range.is_empty() => return Selection::Whole,
            Some(range) => ranges.push(range),
            None => {}
        }
    }
    match (count, ranges.is_empty()) {
        (0, _) => Selection::Whole,
        (_, true) => Selection::Unsatisfiable,
        (_, false) => Selection::Ranges(merged(ranges)),
    }
}

#[derive(Clone, Copy)]
enum Spec {
    /// From the first position on, to the last one or the end.
    From(u64, Option<u64>),
    /// So many bytes before the end.
    Last(u64),
}

impl Spec {
    fn parse(spec: &[u8]) -> Option<Spec> {
        match split_once(spec, b'-')? {
            (b"", n) => Some(Spec::Last(number(n)?)),
            (first, b"") => Some(Spec::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Spec::From(first, Some(last)))
            }
        }
    }

    fn within(self, length: u64) -> Option<Range<u64>> {
        match self {
            Spec::From(first, _) if first >= length => None,
            Spec::From(first, None) => Some(first..length),
            Spec::From(first, Some(last)) => Some(first..last.saturating_add(1).min(length)),
            Spec::Last(0) => None,
            Spec::Last(n) => Some(length.saturating_sub(n)..length),
        }
    }
}

/// Digits only. What is beyond the type is beyond any file as well.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, &b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        Some(n.saturating_mul(10).saturating_add(digit))
    })
}

fn merged(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = ranges.clone();
    sorted.sort_unstable_by_key(|range| range.start);
    sorted.dedup_by(|next, range| {
        let joined = next.start <= range.end;
        if joined {
            range.end = range.end.max(next.end);
        }
        joined
    });
    if sorted.len() == ranges.len() { ranges } else { sorted }
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let i = bytes.iter().position(|&b| b == at)?;
    Some((&bytes[..i], &bytes[i + 1..]))
}

/// Without the optional white space of a list (RFC 9110 section 5.6.3).
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(value: &str, length: u64) -> Vec<Range<u64>> {
        match parse(value.as_bytes(), length) {
            Selection::Ranges(ranges) => ranges,
            other => panic!("{value}: {other:?}"),
        }
    }

    fn only(value: &str, length: u64) -> Range<u64> {
        let ranges = ranges(value, length);
        assert_eq!(ranges.len(), 1, "{value}: {ranges:?}");
        ranges[0].clone()
    }

    #[test]
    fn one_range() {
        for (value, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-99", 0..100),
            ("bytes=0-100", 0..100),
            ("bytes=10-", 10..100),
            ("bytes=99-", 99..100),
            ("bytes=-1", 99..100),
            ("bytes=-100", 0..100),
            ("bytes=-101", 0..100),
            ("BYTES=00000000000000000000000000001-2", 1..3),
            ("bytes= \t5-6 ,, ", 5..7),
            ("bytes=0-18446744073709551615", 0..100),
            ("bytes=0-18446744073709551616", 0..100),
            ("bytes=3-99999999999999999999999999999999", 3..100),
            ("bytes=-99999999999999999999999999999999", 0..100),
            ("bytes=100-,5-5,-0", 5..6),
        ] {
            assert_eq!(only(value, 100), range, "{value}");
        }
        assert_eq!(only("bytes=1-", u64::MAX), 1..u64::MAX);
        assert_eq!(only("bytes=0-18446744073709551615", u64::MAX), 0..u64::MAX);
    }

    #[test]
    fn several_ranges_keep_their_order_or_are_merged() {
        assert_eq!(ranges("bytes=50-59,0-9, -10", 100), [50..60, 0..10, 90..100]);
        assert_eq!(ranges("bytes=50-59,0-9,5-20", 100), [0..21, 50..60]);
        assert_eq!(only("bytes=0-9,10-19", 100), 0..20);
        assert_eq!(only("bytes=0-9,0-9,0-9", 100), 0..10);
        assert_eq!(only("bytes=20-29,0-,3-4", 100), 0..100);
    }

    #[test]
    fn unsatisfiable() {
        for value in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=200-,100-100,-0"] {
            assert_eq!(parse(value.as_bytes(), 100), Selection::Unsatisfiable, "{value}");
        }
        assert_eq!(parse(b"bytes=0-", 0), Selection::Unsatisfiable);
        let beyond = b"bytes=99999999999999999999999999999999-";
        assert_eq!(parse(beyond, u64::MAX), Selection::Unsatisfiable);
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=--1",
            "bytes=1",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=1-2-3",
            "bytes=2-1",
            "bytes=0x1-2",
            "bytes=1 - 2",
            "bytes=1- 2",
            "bytes=1-2;3-4",
            "bytes=1-2,x",
            "bytes =1-2",
            " bytes=1-2",
            "lines=1-2",
            "=1-2",
            "bytes=1-2,200-100",
            "bytes=\u{661}-2",
        ] {
            assert_eq!(parse(value.as_bytes(), 100), Selection::Whole, "{value}");
        }
        // The end of an empty file.
        assert_eq!(parse(b"bytes=-5", 0), Selection::Whole);
    }

    #[test]
    fn too_many_are_ignored() {
        let list = |n: u64| {
            let specs: Vec<_> = (0..n).map(|i| format!("{0}-{0}", 2 * i)).collect();
            parse(format!("bytes={}", specs.join(",")).as_bytes(), 1000)
        };
        let most = MAX_RANGES as u64;
        assert!(matches!(list(most), Selection::Ranges(ranges) if ranges.len() == MAX_RANGES));
        assert_eq!(list(most + 1), Selection::Whole);
        // Unsatisfiable ones count as well.
        let empty = format!("bytes={}", "-0,".repeat(MAX_RANGES + 1));
        assert_eq!(parse(empty.as_bytes(), 1000), Selection::Whole);
    }
}
