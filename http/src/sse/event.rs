//! One event, as the lines that stand for it.

use std::time::Duration;

use super::Line;

/// An event: a message with perhaps a name and an id, or only a comment or the like.
///
/// The browser dispatches those that have data, to the listeners for their name (`message` if they have none). It keeps the id and the retry
/// time of every event, also without data.
///
/// ```
/// use greenwood_http::sse::{Event, Line};
///
/// let event = Event::message("Robin:\nhello!").with_name(Line::from_static("chat")).with_id(7);
/// assert_eq!(event.as_str(), "data: Robin:\ndata: hello!\nevent: chat\nid: 7\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "an event does nothing until it is sent"]
pub struct Event {
    /// Whole lines.
    lines: String,
}

impl Event {
    /// An event with this data. See [`Event::with_data`].
    pub fn message(data: impl AsRef<str>) -> Event {
        Event::default().with_data(data)
    }

    /// Adds data, as many lines as it has, after those there are.
    ///
    /// CRLF, CR and LF all break lines; the client gets LF for each. Everything else arrives as it is.
    pub fn with_data(mut self, data: impl AsRef<str>) -> Event {
        self.add_lines("data", data.as_ref());
        self
    }

    /// Sets the name.
    pub fn with_name(mut self, name: impl Into<Line>) -> Event {
        self.add("event", name.into().as_str());
        self
    }

    /// Sets the id, which the client sends as [`last_event_id`](super::last_event_id) when it connects again. An empty one makes it forget the id
    /// it has.
    pub fn with_id(mut self, id: impl Into<Line>) -> Event {
        self.add("id", id.into().as_str());
        self
    }

    /// Sets how long the client waits before it connects again, from now on; whole milliseconds count.
    pub fn with_retry(mut self, pause: Duration) -> Event {
        self.add("retry", &pause.as_millis().to_string());
        self
    }

    /// Adds a comment, which clients ignore.
    pub fn with_comment(mut self, comment: impl AsRef<str>) -> Event {
        self.add_lines("", comment.as_ref());
        self
    }

    /// The lines that stand for it, without the empty one that ends it.
    pub fn as_str(&self) -> &str {
        &self.lines
    }

    fn add_lines(&mut self, field: &str, text: &str) {
        let mut rest = text;
        while let Some(end) = rest.find(['\r', '\n']) {
            self.add(field, &rest[..end]);
            rest = &rest[end..];
            rest = rest.strip_prefix("\r\n").unwrap_or_else(|| &rest[1..]);
        }
        self.add(field, rest);
    }

    fn add(&mut self, field: &str, line: &str) {
        // Clients remove one space after the colon. With it there, one that the line begins with is safe.
        for part in [field, ": ", line, "\n"] {
            self.lines.push_str(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_break_makes_a_line() {
        for (data, lines) in [
            ("", "data: \n"),
            ("a", "data: a\n"),
            (" a", "data:  a\n"),
            ("a\nb\rc\r\nd", "data: a\ndata: b\ndata: c\ndata: d\n"),
            ("a\n", "data: a\ndata: \n"),
            ("\r\r\n\n", "data: \ndata: \ndata: \ndata: \n"),
            ("\n\rid: 1", "data: \ndata: \ndata: id: 1\n"),
            ("é\u{2028}\0:", "data: é\u{2028}\0:\n"),
        ] {
            assert_eq!(Event::message(data).as_str(), lines, "{data:?}");
        }
    }

    #[test]
    fn all_fields() {
        let event = Event::default()
            .with_comment("a\nretry: 1")
            .with_retry(Duration::from_micros(2_500_900))
            .with_name(Line::from_static("n"))
            .with_id(Line::from_static(""));
        assert_eq!(event.as_str(), ": a\n: retry: 1\nretry: 2500\nevent: n\nid: \n");
        let long = Event::default().with_retry(Duration::MAX);
        assert_eq!(long.as_str(), "retry: 18446744073709551615999\n");
    }
}
