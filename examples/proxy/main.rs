//! A streaming reverse proxy: clients on one side, one HTTP/1.1 server behind.
//!
//!     cargo run --release --example proxy -- --listen 127.0.0.1:8000 --to 127.0.0.1:8080
//!
//! Bodies pass through in pieces of some kilobytes, whatever their size. A request that gets no proper answer is answered by 502, or 504
//! when it takes too long. What it does not do: full duplex (an answer is passed on once the request has been sent, or refused), trailers,
//! more than one server.

mod args;
mod fields;
mod forward;
mod tunnel;
mod upstream;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use greenwood::http::{Limits, Listener, Request, Server, ShutdownHandle};
use greenwood::signal::{SIGINT, SIGTERM, Signals};

use args::Args;
use upstream::Upstream;

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}\n{}", args::USAGE, args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("proxy: {error}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> io::Result<()> {
    let mut limits = Limits::default();
    // How much is too much is for the server behind to say.
    limits.body = u64::MAX;
    let server = Server::builder().limits(limits).listen(listener(&args)?)?;
    shut_down_on_signal(server.shutdown_handle())?;
    let address = match args.listen.strip_prefix("unix:") {
        Some(path) => format!("unix:{path}"),
        None => format!("{}://{}", args.scheme(), server.local_addr()?),
    };
    println!("listening on {address}");
    let upstream = Arc::new(Upstream::new(args.to, args.timeout));
    greenwood::run(|| {
        server.serve(move |request: &mut Request<'_>| forward::forward(request, &upstream))
    })
}

fn listener(args: &Args) -> io::Result<Listener> {
    let listener = match args.listen.strip_prefix("unix:") {
        Some(path) => Listener::bind_unix(path),
        None => Listener::bind(&*args.listen).map_err(|e| {
            io::Error::new(e.kind(), format!("cannot listen on {}: {e}", args.listen))
        }),
    }?;
    #[cfg(feature = "tls")]
    if let Some((certificates, key)) = &args.tls {
        let tls = greenwood::http::Tls::from_pem_files(certificates, key)?;
        return Ok(listener.with_tls(tls));
    }
    Ok(listener)
}

/// From here on the first SIGINT or SIGTERM lets requests in flight finish, and a second one ends the process at once.
fn shut_down_on_signal(shutdown: ShutdownHandle) -> io::Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.recv()?;
        shutdown.shutdown();
        signals.recv()?.default_action()
    })?;
    Ok(())
}
