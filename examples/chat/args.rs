//! The command line.

use greenwood::http::Backend;

pub const USAGE: &str =
    "usage: chat [--addr HOST:PORT] [--history N] [--backend green|threads] [--help]";

pub const HELP: &str = "
  --addr HOST:PORT   where to listen; port 0 chooses a free one (127.0.0.1:8080)
  --history N        messages that are kept for those who come late or lost their connection (1000)
  --backend NAME     green: a coroutine per connection; threads: an OS thread (green)
  --help             print this

routes:
  GET /              the page; ?transport=ws|sse|poll for one way to connect instead of the first that works
  GET /ws            messages both ways by WebSocket
  GET /events        messages as server-sent events
  GET /poll          messages as JSON; ?wait=SECONDS for there to be one
  POST /messages     say something: {\"name\": \"Robin\", \"text\": \"Hello!\"}

?after=ID gets the messages after that one. Ctrl-C ends all conversations in order.";

#[derive(Debug)]
pub struct Args {
    pub addr: String,
    pub history: usize,
    pub backend: Backend,
}

/// `None` when help was asked for; the error is one line.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let mut parsed =
        Args { addr: "127.0.0.1:8080".to_owned(), history: 1000, backend: Backend::Green };
    while let Some(arg) = args.next() {
        let (option, inline) = match arg.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (&*arg, None),
        };
        let mut value =
            || inline.clone().or_else(|| args.next()).ok_or(format!("{option} needs a value"));
        match option {
            "--help" | "-h" if inline.is_none() => return Ok(None),
            "--addr" => parsed.addr = value()?,
            "--history" => parsed.history = history(&value()?)?,
            "--backend" => parsed.backend = backend(&value()?)?,
            _ => return Err(format!("unknown argument {arg:?}")),
        }
    }
    Ok(Some(parsed))
}

fn history(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        _ => Err(format!("--history takes a number from 1 to 1000000, not {value:?}")),
    }
}

fn backend(value: &str) -> Result<Backend, String> {
    match value {
        "green" => Ok(Backend::Green),
        "threads" => Ok(Backend::Threads),
        _ => Err(format!("--backend takes green or threads, not {value:?}")),
    }
}
