//! The command line.

use std::time::Duration;

pub const USAGE: &str = "usage: proxy --listen ADDR --to HOST:PORT [--timeout TIME] \
                         [--cert FILE --key FILE] [--help]";

pub const HELP: &str = "
  --listen ADDR      where clients connect: HOST:PORT (port 0 chooses a free one) or unix:PATH
  --to HOST:PORT     the server that answers, in plain HTTP/1.1
  --timeout TIME     how long that may stay silent, as 250ms or 5s (30s)
  --cert FILE        speak HTTPS with clients: certificate and chain in PEM (feature `tls`)
  --key FILE         the certificate's key in PEM
  --help             print this

Ctrl-C lets requests in flight finish.";

#[derive(Debug, PartialEq)]
pub struct Args {
    pub listen: String,
    pub to: String,
    pub timeout: Duration,
    /// Certificate and key.
    pub tls: Option<(String, String)>,
}

impl Args {
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// `None` when help was asked for; the error is one line.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let (mut listen, mut to, mut certificate, mut key) = (None, None, None, None);
    let mut timeout = Duration::from_secs(30);
    while let Some(arg) = args.next() {
        let (option, inline) = match arg.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (&*arg, None),
        };
        let mut value =
            || inline.clone().or_else(|| args.next()).ok_or(format!("{option} needs a value"));
        match option {
            "--help" | "-h" if inline.is_none() => return Ok(None),
            "--listen" => listen = Some(value()?),
            "--to" => to = Some(upstream(value()?)?),
            "--timeout" => timeout = time(&value()?)?,
            "--cert" => certificate = Some(value()?),
            "--key" => key = Some(value()?),
            _ => return Err(format!("unknown argument {arg:?}")),
        }
    }
    let tls = match (certificate, key) {
        (None, None) => None,
        (Some(_), Some(_)) if !cfg!(feature = "tls") => {
            return Err("--cert needs a build with the feature `tls`".to_owned());
        }
        (Some(certificate), Some(key)) => Some((certificate, key)),
        _ => return Err("--cert and --key need each other".to_owned()),
    };
    let listen = listen.ok_or("--listen is missing")?;
    Ok(Some(Args { listen, to: to.ok_or("--to is missing")?, timeout, tls }))
}

fn upstream(value: String) -> Result<String, String> {
    let port = value.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    match port.and_then(digits) {
        Some(1..=65535) => Ok(value),
        _ => Err(format!("--to takes HOST:PORT, not {value:?}")),
    }
}

fn time(value: &str) -> Result<Duration, String> {
    let millis = value.strip_suffix("ms").and_then(digits).map(Duration::from_millis);
    let time = millis.or_else(|| value.strip_suffix('s').and_then(digits).map(Duration::from_secs));
    // Longer than a year is a slip of the hand, and beyond some point no deadline.
    time.filter(|time| !time.is_zero() && time.as_secs() <= 365 * 24 * 60 * 60)
        .ok_or_else(|| format!("--timeout takes a time such as 250ms or 5s, not {value:?}"))
}

/// Digits only: `parse` alone would take a sign.
fn digits(s: &str) -> Option<u64> {
    s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Result<Option<Args>, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn all_of_them() {
        let parsed = args("--listen a:1 --to=[::1]:2 --timeout 50ms").unwrap().unwrap();
        let timeout = Duration::from_millis(50);
        let expected = Args { listen: "a:1".into(), to: "[::1]:2".into(), timeout, tls: None };
        assert_eq!(parsed, expected);
        assert_eq!(args("--listen a:1 --to b:2 --help"), Ok(None));
    }

    #[test]
    fn mistakes() {
        for (line, says) in [
            ("--to b:2", "--listen is missing"),
            ("--listen a:1", "--to is missing"),
            ("--listen", "--listen needs a value"),
            ("--listen a:1 --to b", "--to takes HOST:PORT, not \"b\""),
            ("--listen a:1 --to :2", "--to takes HOST:PORT, not \":2\""),
            ("--listen a:1 --to b:+2", "--to takes HOST:PORT, not \"b:+2\""),
            ("--listen a:1 --to b:70000", "--to takes HOST:PORT, not \"b:70000\""),
            ("--timeout 0s", "--timeout takes a time such as 250ms or 5s, not \"0s\""),
            ("--timeout -1s", "--timeout takes a time such as 250ms or 5s, not \"-1s\""),
            ("--listen a:1 --to b:2 --key k", "--cert and --key need each other"),
            ("--help=x", "unknown argument \"--help=x\""),
            ("x", "unknown argument \"x\""),
        ] {
            assert_eq!(args(line), Err(says.to_owned()), "{line}");
        }
    }
}
