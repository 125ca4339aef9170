//! The `Range` field, by RFC 9110 section 14.

use super::{split, strip};
use crate::files::range::{Selection, parse};

/// More ranges than this are ignored.
const MAX_RANGES: usize = 16;

/// Panics unless the right bytes are selected. The first byte stands for the length of the file.
pub fn check_range(bytes: &[u8]) {
    let Some((first, value)) = bytes.split_first() else { return };
    let length = match first {
        0..=200 => u64::from(*first),
        201..=220 => u64::MAX - u64::from(*first - 201),
        _ => 1 << (first - 200),
    };
    let shown = format!("{:?} of {length} bytes", String::from_utf8_lossy(value));
    let selected = match (read(value, length), parse(value, length)) {
        (None, Selection::Whole) => return,
        (Some(wanted), Selection::Unsatisfiable) if wanted.is_empty() => return,
        (Some(wanted), Selection::Ranges(selected)) if !wanted.is_empty() => (wanted, selected),
        (wanted, selected) => panic!("{shown}: {selected:?} in place of {wanted:?}"),
    };
    let (wanted, selected) = selected;
    let selected: Vec<(u64, u64)> = selected.iter().map(|range| (range.start, range.end)).collect();
    for (i, (start, end)) in selected.iter().enumerate() {
        assert!(start < end && *end <= length, "{shown}: {selected:?}");
        let others = selected.iter().enumerate().filter(|(j, _)| i != *j);
        for (_, (other_start, other_end)) in others {
            assert!(other_end < start || end < other_start, "{shown}: {selected:?}");
        }
    }
    // Nothing changes but at these.
    let edges = wanted.iter().chain(&selected).flat_map(|(start, end)| [*start, *end]);
    for byte in edges.flat_map(|edge| [edge.saturating_sub(1), edge]) {
        let within = |ranges: &[(u64, u64)]| ranges.iter().any(|(s, e)| *s <= byte && byte < *e);
        assert_eq!(within(&selected), within(&wanted), "{shown}: byte {byte}");
    }
    let mut ordered = selected.clone();
    ordered.sort_unstable();
    assert!(selected == wanted || selected == ordered, "{shown}: {selected:?}");
}

/// Start and end of each range that lies within the file; `None` for a field that is to be ignored.
fn read(value: &[u8], length: u64) -> Option<Vec<(u64, u64)>> {
    let equals = value.iter().position(|&byte| byte == b'=')?;
    if !value[..equals].eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let specs = split(&value[equals + 1..], b",").into_iter().map(strip);
    let specs: Vec<&[u8]> = specs.filter(|spec| !spec.is_empty()).collect();
    if specs.is_empty() || specs.len() > MAX_RANGES {
        return None;
    }
    let mut ranges = Vec::new();
    for spec in specs {
        let [first, last] = split(spec, b"-")[..] else { return None };
        match (first.is_empty(), last.is_empty()) {
            (true, true) => return None,
            // suffix-range
            (true, false) => match number(last)? {
                0 => {}
                _ if length == 0 => return None,
                n => ranges.push((length.saturating_sub(n), length)),
            },
            // int-range
            (false, open) => {
                let first = number(first)?;
                let last = if open { u64::MAX } else { number(last)? };
                if first > last {
                    return None;
                }
                if first < length {
                    ranges.push((first, last.min(length - 1) + 1));
                }
            }
        }
    }
    Some(ranges)
}

/// `1*DIGIT`; what is beyond any file is as good as the largest number.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}
