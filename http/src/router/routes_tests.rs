//! What matches what, compared with a matcher of another kind.

use http::Method;

use super::Router;

/// A matcher of its own kind: tries the patterns one by one, segment by segment.
fn naive<'p>(patterns: &[String], path: &'p str) -> Option<(String, Vec<&'p str>)> {
    let matches = patterns.iter().filter_map(|pattern| {
        let (mut rank, mut values, mut rest) = (Vec::new(), Vec::new(), path.strip_prefix('/')?);
        let mut segments = pattern[1..].split('/').peekable();
        while let Some(segment) = segments.next() {
            let end = rest.find('/').unwrap_or(rest.len());
            let (here, after) = rest.split_at(end);
            if segment.starts_with("{*") {
                rank.push(2);
                values.push(rest);
                return (!rest.is_empty()).then(|| (rank, pattern.clone(), values));
            } else if segment.starts_with('{') && !here.is_empty() {
                rank.push(1);
                values.push(here);
            } else if segment == here {
                rank.push(0);
            } else {
                return None;
            }
            match (segments.peek(), after.strip_prefix('/')) {
                (Some(_), Some(after)) => rest = after,
                (None, None) => return Some((rank, pattern.clone(), values)),
                _ => return None,
            }
        }
        None
    });
    matches.min().map(|(_, pattern, values)| (pattern, values))
}

#[test]
fn random_paths_find_what_a_naive_matcher_finds() {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % n
    };
    let (mut found, mut missed) = (0, 0);
    for _ in 0..300 {
        let mut patterns = Vec::new();
        let mut router = Router::new();
        for _ in 0..8 {
            let mut pattern = String::new();
            for depth in 0..=random(3) {
                let part = ["a", "b", "ab", "%61", "", "{x}", "{x}", "{*x}"][random(8)];
                pattern += "/";
                pattern += &part.replace('x', &format!("x{depth}"));
                if part == "{*x}" {
                    break;
                }
            }
            // Those that conflict were tested elsewhere.
            let probe = patterns.iter().fold(Router::new(), |r, p: &String| r.get(p, || ()));
            if probe.get(&pattern, || ()).build().is_ok() {
                router = router.get(&pattern, || ());
                patterns.push(pattern);
            }
        }
        let routes = router.build().unwrap();
        for _ in 0..100 {
            let path: String = (0..=random(4))
                .map(|_| ["/a", "/b", "/ab", "/%61", "/", "/c", "/.."][random(7)])
                .collect();
            let (_, matched) = routes.find(&Method::GET, &path);
            let pattern = matched.pattern(&path).map(str::to_owned);
            let values: Vec<_> = matched.params(&path).map(|(_, value)| value).collect();
            let expected = naive(&patterns, &path);
            assert_eq!(pattern.map(|p| (p, values)), expected, "{path} in {patterns:?}");
            *if expected.is_some() { &mut found } else { &mut missed } += 1;
        }
    }
    assert!(found > 5000 && missed > 5000, "{found} {missed}");
}
