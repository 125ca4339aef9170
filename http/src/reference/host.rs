//! `Host = uri-host [ ":" port ]` (RFC 9110 section 7.2), with `uri-host` from RFC 3986 section 3.2.2.
//!
//! Not empty, since `http` and `https` have no URI without a host (RFC 9110 section 4.2), and without `IPvFuture`, of which there is
//! none.

/// Whether this names a host.
pub(super) fn is_host(value: &str) -> bool {
    // A port, if any, is behind the last colon that is not inside of brackets.
    let (host, port) = match value.rfind(':') {
        Some(at) if !value[at..].contains(']') => (&value[..at], &value[at + 1..]),
        _ => (value, ""),
    };
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = match literal {
        Some(address) => is_ipv6(address),
        None => is_name(host),
    };
    named && port.chars().all(|c| c.is_ascii_digit())
}

/// `reg-name`, which includes `IPv4address`; not empty.
fn is_name(host: &str) -> bool {
    let mut chars = host.chars();
    while let Some(c) = chars.next() {
        let fine = match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => true,
            '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '=' => true,
            '%' => [chars.next(), chars.next()]
                .iter()
                .all(|c| c.is_some_and(|c| c.is_ascii_hexdigit())),
            _ => false,
        };
        if !fine {
            return false;
        }
    }
    !host.is_empty()
}

/// `IPv6address`: eight groups, the last two of which may be an IPv4 address, and `::` once in the place of at least one.
fn is_ipv6(address: &str) -> bool {
    match address.split_once("::") {
        None => groups(address, true) == Some(8),
        Some((left, right)) => {
            let left = if left.is_empty() { Some(0) } else { groups(left, false) };
            let right = if right.is_empty() { Some(0) } else { groups(right, true) };
            matches!((left, right), (Some(left), Some(right)) if left + right <= 7)
        }
    }
}

/// How many groups of 16 bits these are.
fn groups(text: &str, may_end_in_ipv4: bool) -> Option<usize> {
    let parts: Vec<&str> = text.split(':').collect();
    let mut count = 0;
    for (i, part) in parts.iter().enumerate() {
        if may_end_in_ipv4 && i + 1 == parts.len() && is_ipv4(part) {
            count += 2;
        } else if (1..=4).contains(&part.len()) && part.chars().all(|c| c.is_ascii_hexdigit()) {
            count += 1;
        } else {
            return None;
        }
    }
    Some(count)
}

/// `IPv4address`: four numbers up to 255 without leading zeros.
fn is_ipv4(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| (0..=255).any(|n| part == &n.to_string()))
}
