//! The files of a folder, some of them for those who may read them.
//!
//!     cargo run --release --example files -- --protect private=passwords.txt public_html
//!
//! The handler decides who may read what before it lets the folder answer: plain code, in the order of reading.

mod args {
    //! The command line.

    use std::path::PathBuf;

    use greenwood::http::Backend;

    pub const USAGE: &str = "usage: files [--addr HOST:PORT] [--workers N] [--backend green|threads] [--listing] \
                             [--protect FOLDER=PASSWORDS]... [--help] ROOT";

    pub const HELP: &str = "
Serves the files below ROOT.

  --addr HOST:PORT            where to listen; port 0 chooses a free one (127.0.0.1:8080)
  --workers N                 worker threads that run the coroutines (one per core)
  --backend NAME              green: a coroutine per connection; threads: an OS thread (green)
  --listing                   list folders that have no index.html
  --protect FOLDER=PASSWORDS  let only those read FOLDER, a path below ROOT, whose line `user:password`
                              is in the file PASSWORDS; may be given several times
  --help                      print this

Passwords travel as they are: put TLS in front. Ctrl-C lets requests in flight finish.";

    #[derive(Debug)]
    pub struct Args {
        pub addr: String,
        pub workers: Option<usize>,
        pub backend: Backend,
        pub listing: bool,
        /// Folders and files of passwords.
        pub protect: Vec<(String, PathBuf)>,
        pub root: PathBuf,
    }

    /// `None` when help was asked for; the error is one line.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
        let mut root = None;
        let mut parsed = Args {
            addr: "127.0.0.1:8080".to_owned(),
            workers: None,
            backend: Backend::Green,
            listing: false,
            protect: Vec::new(),
            root: PathBuf::new(),
        };
        while let Some(arg) = args.next() {
            if !arg.starts_with("--") && arg != "-h" {
                if root.replace(PathBuf::from(&arg)).is_some() {
                    return Err(format!("unknown argument {arg:?}"));
                }
                continue;
            }
            let (option, inline) = match arg.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (&*arg, None),
            };
            let mut value =
                || inline.clone().or_else(|| args.next()).ok_or(format!("{option} needs a value"));
            match option {
                "--help" | "-h" if inline.is_none() => return Ok(None),
                "--listing" if inline.is_none() => parsed.listing = true,
                "--addr" => parsed.addr = value()?,
                "--workers" => parsed.workers = Some(workers(&value()?)?),
                "--backend" => parsed.backend = backend(&value()?)?,
                "--protect" => parsed.protect.push(protect(&value()?)?),
                _ => return Err(format!("unknown argument {arg:?}")),
            }
        }
        parsed.root = root.ok_or("ROOT is missing")?;
        Ok(Some(parsed))
    }

    fn workers(value: &str) -> Result<usize, String> {
        // Digits only: `parse` alone would take a sign.
        let digits = value.bytes().all(|b| b.is_ascii_digit());
        match digits.then(|| value.parse().ok()).flatten() {
            Some(n @ 1..=1024) => Ok(n),
            _ => Err(format!("--workers takes a number from 1 to 1024, not {value:?}")),
        }
    }

    fn backend(value: &str) -> Result<Backend, String> {
        match value {
            "green" => Ok(Backend::Green),
            "threads" => Ok(Backend::Threads),
            _ => Err(format!("--backend takes green or threads, not {value:?}")),
        }
    }

    fn protect(value: &str) -> Result<(String, PathBuf), String> {
        match value.split_once('=') {
            Some((folder, passwords)) if !passwords.is_empty() => {
                Ok((folder.trim_matches('/').to_owned(), passwords.into()))
            }
            _ => Err(format!("--protect takes FOLDER=PASSWORDS, not {value:?}")),
        }
    }
}

use std::io;
use std::path::Path;
use std::process::ExitCode;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use greenwood::http::files::{Dir, FilePath};
use greenwood::http::http::{HeaderValue, StatusCode, header};
use greenwood::http::{Backend, IntoResponse, Request, Response, Server, ShutdownHandle};
use greenwood::signal::{SIGINT, SIGTERM, Signals};
use subtle::{Choice, ConstantTimeEq};

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}\n{}", args::USAGE, args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("files: {error}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("files: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &args::Args) -> io::Result<()> {
    let site = Site::new(args)?;
    let listening =
        |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {}: {e}", args.addr));
    let server = Server::builder().backend(args.backend).bind(&*args.addr).map_err(listening)?;
    shut_down_on_signal(server.shutdown_handle())?;
    println!("listening on http://{}", server.local_addr()?);

    let serve = move || server.serve(move |request: &mut Request<'_>| site.answer(request));
    match args.backend {
        Backend::Green => {
            let builder = greenwood::Runtime::builder();
            let builder = match args.workers {
                Some(workers) => builder.workers(workers),
                None => builder,
            };
            builder.build()?.run(serve)
        }
        Backend::Threads => serve(),
    }
}

/// From here on the first SIGINT or SIGTERM ends the server in order, and a second one at once.
fn shut_down_on_signal(shutdown: ShutdownHandle) -> io::Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.recv()?;
        shutdown.shutdown();
        signals.recv()?.default_action()
    })?;
    Ok(())
}

struct Site {
    dir: Dir,
    locks: Vec<Lock>,
}

impl Site {
    fn new(args: &args::Args) -> io::Result<Site> {
        let context = |what: &str, path: &Path, e: io::Error| {
            io::Error::new(e.kind(), format!("cannot {what} {}: {e}", path.display()))
        };
        let dir = Dir::new(&args.root).map_err(|e| context("serve", &args.root, e))?;
        let locks = args.protect.iter().map(|(folder, passwords)| {
            // A slip in its name would leave the folder open.
            let path = args.root.join(folder);
            std::fs::read_dir(&path).map_err(|e| context("protect", &path, e))?;
            let text =
                std::fs::read_to_string(passwords).map_err(|e| context("read", passwords, e))?;
            let credentials =
                text.lines().filter(|line| line.contains(':')).map(Vec::from).collect();
            Ok(Lock { folder: folder.clone(), credentials })
        });
        Ok(Site { dir: dir.listing(args.listing), locks: locks.collect::<io::Result<_>>()? })
    }

    fn answer(&self, request: &Request<'_>) -> Response {
        // Decoded and checked once: what is allowed below is what is opened.
        let path = match FilePath::decode(request.path()) {
            Ok(path) => path,
            Err(invalid) => return invalid.into_response(),
        };
        let mut locks = self.locks.iter().filter(|lock| path.starts_with(&lock.folder)).peekable();
        if locks.peek().is_none() {
            return self.dir.respond(request, &path);
        }
        if !locks.all(|lock| lock.opens(request)) {
            let basic = HeaderValue::from_static("Basic realm=\"files\", charset=\"UTF-8\"");
            return StatusCode::UNAUTHORIZED
                .into_response()
                .with_header(header::WWW_AUTHENTICATE, basic);
        }
        // Not for caches that others read from.
        let private = HeaderValue::from_static("private");
        self.dir.respond(request, &path).with_header(header::CACHE_CONTROL, private)
    }
}

/// Those who may read a folder.
struct Lock {
    folder: String,
    /// Each `user:password`.
    credentials: Vec<Vec<u8>>,
}

impl Lock {
    /// Whether the request has credentials (RFC 7617) that are among these. How long it takes tells at most how long they are.
    fn opens(&self, request: &Request<'_>) -> bool {
        let Some(given) = credentials(request) else { return false };
        let none = Choice::from(0);
        self.credentials.iter().fold(none, |found, known| found | known.ct_eq(&given)).into()
    }
}

fn credentials(request: &Request<'_>) -> Option<Vec<u8>> {
    let (scheme, encoded) = request.headers().get("authorization")?.split_at_checked(6)?;
    let basic = scheme.eq_ignore_ascii_case(b"Basic ");
    basic.then(|| BASE64_STANDARD.decode(encoded.trim_ascii()).ok()).flatten()
}
