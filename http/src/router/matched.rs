//! What a router found out about a request's path.

use std::sync::Arc;

use super::pattern::Pattern;

/// How many parameters fit without allocation.
const INLINE: usize = 4;

/// The route of a request, with where in its path the parameters are.
#[derive(Clone, Debug, Default)]
pub(crate) enum Matched {
    /// None, or none yet.
    #[default]
    Nothing,
    /// A route that has no parameters: its pattern is the path.
    Fixed,
    Pattern {
        pattern: Arc<Pattern>,
        spans: Spans,
    },
}

/// Start and end of each parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    inline: [(usize, usize); INLINE],
    len: usize,
    more: Vec<(usize, usize)>,
}

impl Spans {
    /// Where `values`, which are parts of `path`, lie in it.
    pub(super) fn of<'p>(path: &'p str, values: impl Iterator<Item = &'p str>) -> Spans {
        let mut spans = Spans::default();
        for value in values {
            let start = value.as_ptr().addr() - path.as_ptr().addr();
            let span = (start, start + value.len());
            match spans.inline.get_mut(spans.len) {
                Some(slot) => *slot = span,
                None => spans.more.push(span),
            }
            spans.len += 1;
        }
        spans
    }

    fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.inline[..self.len.min(INLINE)].iter().chain(&self.more).copied()
    }
}

impl Matched {
    /// Names and values, still encoded. `path` is the one that was matched.
    pub(crate) fn params<'a, 'p>(
        &'a self,
        path: &'p str,
    ) -> impl Iterator<Item = (&'a str, &'p str)> + use<'a, 'p> {
        let (names, spans) = match self {
            Matched::Pattern { pattern, spans } => (pattern.names(), Some(spans)),
            _ => (&[][..], None),
        };
        let values = spans.into_iter().flat_map(Spans::iter).map(|(start, end)| &path[start..end]);
        names.iter().map(|name| &**name).zip(values)
    }

    pub(crate) fn pattern<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        match self {
            Matched::Nothing => None,
            Matched::Fixed => Some(path),
            Matched::Pattern { pattern, .. } => Some(pattern.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_fit_inline() {
        let path = "/a/bc/d/e/f";
        let pattern = Arc::new(Pattern::new("/{a}/{b}/{c}/{d}/{e}".to_owned()).unwrap());
        let spans = Spans::of(path, path[1..].split('/'));
        let matched = Matched::Pattern { pattern, spans };
        let params: Vec<_> = matched.params(path).collect();
        assert_eq!(params, [("a", "a"), ("b", "bc"), ("c", "d"), ("d", "e"), ("e", "f")]);
        assert_eq!(Matched::Fixed.params(path).count(), 0);
    }
}
