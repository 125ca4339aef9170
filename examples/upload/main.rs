//! Uploads of any size to a folder, in constant memory.
//!
//!     cargo run --release --example upload -- /tmp/uploads
//!     curl -T disk.img http://127.0.0.1:8080/
//!
//! The handler reads the body like a file and writes it to one, piece by piece. While it waits for the network it is suspended,
//! and while it waits for the disk a thread of the pool does: neither holds up others.

mod args;
mod progress;
mod store;

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::sync::Arc;

use greenwood::http::files::FilePath;
use greenwood::http::http::StatusCode;
use greenwood::http::middleware::body_limit;
use greenwood::http::{Backend, IntoResponse, Request, Response, Router, Server, ShutdownHandle};
use greenwood::signal::{SIGINT, SIGTERM, Signals};

use progress::Progress;
use store::{Failure, Store};

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}\n{}", args::USAGE, args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("upload: {error}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("upload: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &args::Args) -> io::Result<()> {
    let storing = |e: io::Error| {
        io::Error::new(e.kind(), format!("cannot write to {}: {e}", args.folder.display()))
    };
    let store = Arc::new(Store::new(args.folder.clone(), args.overwrite).map_err(storing)?);
    let listening =
        |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {}: {e}", args.addr));
    let server = Server::builder().backend(args.backend).bind(&*args.addr).map_err(listening)?;
    shut_down_on_signal(server.shutdown_handle(), store.clone())?;
    println!("listening on http://{}", server.local_addr()?);

    let progress = Arc::new(Progress::new()?);
    let shown = progress.clone();
    let put = move |request: &mut Request<'_>| receive(request, &store, &shown);
    // Only the announced or real length of a body is limited: what is in memory of it is always the same.
    let routes = Router::new().put("/{name}", put).with(body_limit(args.limit));
    let routes = routes.build().map_err(io::Error::other)?;
    let serve = move || server.serve(routes);
    let served = match args.backend {
        Backend::Green => {
            let builder = greenwood::Runtime::builder();
            let builder = match args.workers {
                Some(workers) => builder.workers(workers),
                None => builder,
            };
            builder.build()?.run(serve)
        }
        Backend::Threads => serve(),
    };
    progress.finish();
    served
}

/// From here on the first SIGINT or SIGTERM ends the server in order, and a second one at once.
fn shut_down_on_signal(shutdown: ShutdownHandle, store: Arc<Store>) -> io::Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.recv()?;
        shutdown.shutdown();
        let signal = signals.recv()?;
        store.discard();
        signal.default_action()
    })?;
    Ok(())
}

fn receive(request: &mut Request<'_>, store: &Store, progress: &Progress) -> Response {
    let name = match request.param_raw("name").map(FilePath::decode) {
        // Hidden names are for uploads that are not complete.
        Some(Ok(path)) if is_name(&path) => path.as_str().to_owned(),
        _ => return (StatusCode::BAD_REQUEST, "not the name of a file\n").into_response(),
    };
    let length = request.headers().get("content-length");
    let length = length.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let upload = progress.begin(&name, length);
    match store.receive(&name, request.body(), |bytes| upload.add(bytes)) {
        Ok(()) => {
            upload.complete();
            (StatusCode::CREATED, format!("{name} is stored\n")).into_response()
        }
        Err(Failure::Exists) => {
            (StatusCode::CONFLICT, format!("{name} exists already\n")).into_response()
        }
        Err(Failure::Body(error)) => error.into_response(),
        Err(Failure::Disk(error)) => {
            eprintln!("upload: {name:?}: {error}");
            match error.kind() {
                ErrorKind::InvalidFilename => StatusCode::BAD_REQUEST,
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    StatusCode::INSUFFICIENT_STORAGE
                }
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            }
            .into_response()
        }
    }
}

fn is_name(path: &FilePath) -> bool {
    let name = path.as_str();
    !name.is_empty() && !path.is_hidden() && !name.contains(char::is_control)
}
