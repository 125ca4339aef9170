//! A chat on one web page, by WebSocket, server-sent events or long polling: whichever gets through.
//!
//!     cargo run --release --features ws --example chat
//!
//! Then open http://127.0.0.1:8080 in two windows. With `?transport=sse` (or `ws`, or `poll`) a window does not choose for itself.
//!
//! However a page is connected, there is a piece of plain blocking code that speaks to it alone: see `transports.rs`.

mod args;
mod page;
mod room;
mod transports;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use greenwood::http::http::StatusCode;
use greenwood::http::middleware::{Next, body_limit};
use greenwood::http::router::RouteError;
use greenwood::http::{
    Backend, IntoResponse, Request, Response, Router, Routes, Server, ShutdownHandle,
};
use greenwood::signal::{SIGINT, SIGTERM, Signals};

use args::Args;
use room::Room;

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}\n{}", args::USAGE, args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("chat: {error}\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let room = Arc::new(Room::new(args.history));
    let routes = routes(&room).map_err(io::Error::other)?;
    let listening =
        |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {}: {e}", args.addr));
    let server = Server::builder().backend(args.backend).bind(&*args.addr).map_err(listening)?;
    shut_down_on_signal(server.shutdown_handle(), room)?;
    println!("listening on http://{}", server.local_addr()?);
    match args.backend {
        Backend::Green => greenwood::run(|| server.serve(routes)),
        Backend::Threads => server.serve(routes),
    }
}

fn routes(room: &Arc<Room>) -> Result<Routes, RouteError> {
    Router::new()
        .merge(page::routes())
        .merge(transports::routes(room))
        .with(from_our_own_page)
        .with(body_limit(transports::LONGEST as u64))
        .build()
}

/// Without this, any page that a user looks at could chat in that user's name.
fn from_our_own_page(request: &mut Request<'_>, next: Next<'_>) -> Response {
    if request.is_cross_origin() {
        return (StatusCode::FORBIDDEN, "not from that page").into_response();
    }
    next.run(request)
}

/// From here on the first SIGINT or SIGTERM ends the chat in order, and a second one at once.
fn shut_down_on_signal(shutdown: ShutdownHandle, room: Arc<Room>) -> io::Result<()> {
    let signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.recv()?;
        // Those who wait for news are not to hold the shutdown up.
        room.close();
        shutdown.shutdown();
        signals.recv()?.default_action()
    })?;
    Ok(())
}
