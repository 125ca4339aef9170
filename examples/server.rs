//! A web server with slow resources, on coroutines or on OS threads.
//!
//!     cargo run --release --example server -- --delay 200ms --workers 1
//!
//! With one worker, three requests for `/resource/…` at a time still take one delay, and so does
//! `/resources`, which fetches five of them: whoever sleeps gives the worker to the others.

mod args {
    //! The command line.

    use std::time::Duration;

    use greenwood::http::Backend;

    pub const USAGE: &str = "usage: server [--addr HOST:PORT] [--workers N] [--delay TIME] \
                             [--backend green|threads] [--access-log] [--help]";

    pub const HELP: &str = "
  --addr HOST:PORT   where to listen; port 0 chooses a free one (127.0.0.1:8080)
  --workers N        worker threads that run the coroutines (one per core)
  --delay TIME       how long a resource takes, as 250ms or 5s (5s)
  --backend NAME     green: a coroutine per connection; threads: an OS thread (green)
  --access-log       write a line for each request to standard error
  --help             print this

routes:
  GET /                 Hello, World!
  GET /resource/{id}    one resource, after the delay; {id} is percent-decoded
  GET /resources        resources 1 to 5, fetched at once

Ctrl-C lets requests in flight finish.";

    #[derive(Debug)]
    pub struct Args {
        pub addr: String,
        pub workers: Option<usize>,
        pub delay: Duration,
        pub backend: Backend,
        pub access_log: bool,
    }

    /// `None` when help was asked for; the error is one line.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
        let mut parsed = Args {
            addr: "127.0.0.1:8080".to_owned(),
            workers: None,
            delay: Duration::from_secs(5),
            backend: Backend::Green,
            access_log: false,
        };
        while let Some(arg) = args.next() {
            let (option, inline) = match arg.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (&*arg, None),
            };
            let mut value =
                || inline.clone().or_else(|| args.next()).ok_or(format!("{option} needs a value"));
            match option {
                "--help" | "-h" if inline.is_none() => return Ok(None),
                "--access-log" if inline.is_none() => parsed.access_log = true,
                "--addr" => parsed.addr = value()?,
                "--workers" => parsed.workers = Some(workers(&value()?)?),
                "--delay" => parsed.delay = delay(&value()?)?,
                "--backend" => parsed.backend = backend(&value()?)?,
                _ => return Err(format!("unknown argument {arg:?}")),
            }
        }
        Ok(Some(parsed))
    }

    fn workers(value: &str) -> Result<usize, String> {
        match digits(value) {
            Some(n @ 1..=1024) => Ok(n as usize),
            _ => Err(format!("--workers takes a number from 1 to 1024, not {value:?}")),
        }
    }

    fn delay(value: &str) -> Result<Duration, String> {
        let millis = value.strip_suffix("ms").and_then(digits).map(Duration::from_millis);
        let delay =
            millis.or_else(|| value.strip_suffix('s').and_then(digits).map(Duration::from_secs));
        // Longer than a year is a slip of the hand, and beyond some point no deadline.
        delay
            .filter(|delay| delay.as_secs() <= 365 * 24 * 60 * 60)
            .ok_or_else(|| format!("--delay takes a time such as 250ms or 5s, not {value:?}"))
    }

    fn backend(value: &str) -> Result<Backend, String> {
        match value {
            "green" => Ok(Backend::Green),
            "threads" => Ok(Backend::Threads),
            _ => Err(format!("--backend takes green or threads, not {value:?}")),
        }
    }

    /// Digits only: `parse` alone would take a sign.
    fn digits(s: &str) -> Option<u64> {
        s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten()
    }
}

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use greenwood::http::http::{HeaderValue, Method, StatusCode, header};
use greenwood::http::observe::AccessLog;
use greenwood::http::{
    Backend, IntoResponse, Request, Response, Server, ShutdownHandle, percent_decode,
};
use greenwood::signal::{SIGINT, SIGTERM, Signals};

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}\n{}", args::USAGE, args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("server: {error}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &args::Args) -> io::Result<()> {
    let listening =
        |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {}: {e}", args.addr));
    let mut builder = Server::builder().backend(args.backend);
    if args.access_log {
        builder = builder.observer(AccessLog::new(io::stderr())?);
    }
    let server = builder.bind(&*args.addr).map_err(listening)?;
    shut_down_on_signal(server.shutdown_handle())?;
    println!("listening on http://{}", server.local_addr()?);

    let delay = args.delay;
    let serve = move || server.serve(move |request: &mut Request<'_>| route(request, delay));
    match args.backend {
        Backend::Green => {
            let builder = greenwood::Runtime::builder();
            let builder = match args.workers {
                Some(workers) => builder.workers(workers),
                None => builder,
            };
            builder.build()?.run(serve)
        }
        // The accept loop and every handler then run on plain OS threads. Only what a handler itself
        // starts, the scope in `resources`, is coroutines, of the default runtime.
        Backend::Threads => serve(),
    }
}

/// From here on the first SIGINT or SIGTERM ends the server in order, and a second one at once: on a thread of its own, so
/// even if no worker ever comes to rest.
fn shut_down_on_signal(shutdown: ShutdownHandle) -> io::Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.recv()?;
        shutdown.shutdown();
        signals.recv()?.default_action()
    })?;
    Ok(())
}

fn route(request: &mut Request<'_>, delay: Duration) -> Response {
    let page: &dyn Fn() -> Response = match request.path() {
        "/" => &|| "Hello, World!".into_response(),
        "/resources" => &|| resources(delay),
        path => match path.strip_prefix("/resource/") {
            // Split before decoding, so that an id may hold a slash as %2F.
            Some(id) if !id.is_empty() && !id.contains('/') => &move || resource(id, delay),
            _ => return StatusCode::NOT_FOUND.into_response(),
        },
    };
    match *request.method() {
        Method::GET | Method::HEAD => page(),
        _ => StatusCode::METHOD_NOT_ALLOWED
            .into_response()
            .with_header(header::ALLOW, HeaderValue::from_static("GET, HEAD")),
    }
}

fn resource(id: &str, delay: Duration) -> Response {
    match percent_decode(id) {
        Ok(id) => json(quoted(&fetch(&id, delay))),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// Five at once: the scope ends when all of its coroutines have.
fn resources(delay: Duration) -> Response {
    let fetched: Vec<String> = greenwood::scope(|scope| {
        let fetches: Vec<_> =
            (1..=5).map(|id| scope.spawn(move || fetch(&id.to_string(), delay))).collect();
        fetches
            .into_iter()
            .map(|fetch| fetch.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let fetched: Vec<String> = fetched.iter().map(|result| quoted(result)).collect();
    json(format!("[{}]", fetched.join(",")))
}

/// Stands for a data base or another server.
fn fetch(id: &str, delay: Duration) -> String {
    greenwood::sleep(delay);
    format!("dummy_result_id_{id}")
}

fn json(text: String) -> Response {
    let json = HeaderValue::from_static("application/json");
    Response::new(StatusCode::OK).with_header(header::CONTENT_TYPE, json).with_body(text)
}

/// `s` as a JSON string (RFC 8259 section 7).
fn quoted(s: &str) -> String {
    let mut quoted = String::from("\"");
    for c in s.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
