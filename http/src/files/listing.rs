//! The page that lists a directory.

use std::fmt::Write;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType};

/// Reads the directory and makes the page. Names that are not UTF-8 are left out, as nobody could ask for them.
pub(super) fn page(directory: OwnedFd, path: &str, hidden: bool) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in Dir::new(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if matches!(name, "." | "..") || !hidden && name.starts_with('.') || name.contains('\\') {
            continue;
        }
        let slash = if entry.file_type() == FileType::Directory { "/" } else { "" };
        names.push(format!("{name}{slash}"));
    }
    names.sort_unstable();
    Ok(render(path, &names))
}

fn render(path: &str, names: &[String]) -> String {
    let title = escaped(path);
    let mut page = format!(
        "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>/{title}</title>\n<h1>/{title}</h1>\n<ul>\n"
    );
    let parent = (!path.is_empty()).then_some("../");
    for name in parent.into_iter().chain(names.iter().map(|name| &**name)) {
        page += &format!("<li><a href=\"./{}\">{}</a>\n", encoded(name), escaped(name));
    }
    page + "</ul>\n"
}

/// As text of HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            c => html.push(c),
        }
    }
    html
}

/// As the path of a URL: percent-encoded but for what RFC 3986 section 2.3 leaves alone, and slashes.
fn encoded(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for b in path.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                url.push(b as char);
            }
            b => {
                let _ = write!(url, "%{b:02X}");
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_nothing_else() {
        let page = render("a&b", &["<i>\"'.txt".into(), "100% é?#/".into(), "javascript:x".into()]);
        assert!(page.contains("<h1>/a&amp;b</h1>"));
        for line in [
            "<li><a href=\"./../\">../</a>",
            "<li><a href=\"./%3Ci%3E%22%27.txt\">&lt;i&gt;&quot;&#39;.txt</a>",
            "<li><a href=\"./100%25%20%C3%A9%3F%23/\">100% é?#/</a>",
            "<li><a href=\"./javascript%3Ax\">javascript:x</a>",
        ] {
            assert!(page.lines().any(|l| l == line), "{line}\n{page}");
        }
        assert!(!render("", &[]).contains("../"));
    }
}
