//! The path of a route, as it is written: `/users/{id}/files/{*path}`.

use std::borrow::Cow;

use crate::syntax;

/// A checked pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
    names: Vec<String>,
}

impl Pattern {
    /// # Errors
    ///
    /// What is wrong with it. What concerns several segments at once is left to `matchit`.
    pub(crate) fn new(text: String) -> Result<Pattern, Cow<'static, str>> {
        if !text.starts_with('/') {
            return Err("does not begin with `/`".into());
        }
        if let Some(c) = text.chars().find(|&c| !is_path(c)) {
            return Err(format!("holds {c:?}, which no path does: percent-encode it").into());
        }
        let mut names: Vec<String> = Vec::new();
        let mut rest = &*text;
        while let Some(at) = rest.find(['{', '}']) {
            let brace = &rest[at..];
            if brace.starts_with("{{") || brace.starts_with("}}") {
                rest = &brace[2..];
                continue;
            }
            let Some((inside, after)) =
                brace[1..].split_once('}').filter(|_| brace.starts_with('{'))
            else {
                return Err("has unbalanced braces (write `{{` for a brace)".into());
            };
            let name = inside.strip_prefix('*').unwrap_or(inside);
            if name.is_empty() || name.contains(['{', '*', '/']) {
                return Err(format!("has an invalid parameter `{{{inside}}}`").into());
            }
            if names.iter().any(|earlier| earlier == name) {
                return Err(format!("has two parameters `{name}`").into());
            }
            // `matchit` would take the second brace of the three for the parameter's, and a part of its name before it.
            if after.starts_with('}') {
                return Err(format!("has a brace right behind `{{{inside}}}`").into());
            }
            if inside.starts_with('*') && !after.is_empty() {
                return Err(
                    format!("goes on after `{{{inside}}}`, which takes all the rest").into()
                );
            }
            names.push(name.to_owned());
            rest = after;
        }
        Ok(Pattern { text, names })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its parameters, from left to right.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The one path that it matches, if it has no parameters.
    pub(crate) fn fixed(&self) -> Option<String> {
        self.names.is_empty().then(|| self.text.replace("{{", "{").replace("}}", "}"))
    }
}

/// What a request's path may hold: everything that a target may, but for the query.
fn is_path(c: char) -> bool {
    u8::try_from(c).is_ok_and(syntax::is_target) && c != '?'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, Cow<'static, str>> {
        Pattern::new(text.to_owned()).map(|pattern| pattern.names)
    }

    #[test]
    fn parameters() {
        assert_eq!(names("/").unwrap(), [""; 0]);
        assert_eq!(names("/a/{b}/x-{c}.png/{*d}").unwrap(), ["b", "c", "d"]);
        assert_eq!(names("/{{a}}/{b}").unwrap(), ["b"]);
    }

    #[test]
    fn fixed() {
        let fixed = |text: &str| Pattern::new(text.to_owned()).unwrap().fixed();
        assert_eq!(fixed("/a/"), Some("/a/".to_owned()));
        assert_eq!(fixed("/{{a}}"), Some("/{a}".to_owned()));
        assert_eq!(fixed("/{a}"), None);
    }

    #[test]
    fn mistakes() {
        for (text, why) in [
            ("", "begin"),
            ("a", "begin"),
            ("/caf\u{e9}", "percent-encode"),
            ("/a b", "percent-encode"),
            ("/a?b", "percent-encode"),
            ("/a#b", "percent-encode"),
            ("/{a", "unbalanced"),
            ("/a}", "unbalanced"),
            ("/{}", "invalid parameter"),
            ("/{*}", "invalid parameter"),
            ("/{a/b}", "invalid parameter"),
            ("/{a{b}", "invalid parameter"),
            ("/{a}/{a}", "two parameters `a`"),
            ("/{*a}/b", "goes on"),
            ("/{a}}}", "right behind `{a}`"),
            ("/{*a}}}", "right behind `{*a}`"),
            ("/{a}}", "right behind"),
        ] {
            let error = names(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
