//! A thread-per-connection server on `std::net`, and what becomes of it on coroutines: the two differ in the lines marked below.
//!
//!     cargo run --release --features patch --example threads_to_green
//!
//! runs both one after the other, each in a process of its own, and prints threads, memory and requests a second at 5,000 connections.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

mod compare;

/// How often each key was asked for.
type Counts = Arc<Mutex<HashMap<String, u64>>>;

/// Speaks with one client, a line at a time: plain blocking code, std's socket, std's lock.
fn handle(stream: TcpStream, counts: Counts) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let count = {
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(line?).or_default();
            *count += 1;
            *count
        };
        writer.write_all(format!("{count}\n").as_bytes())?;
    }
    Ok(())
}

/// A thread for each connection.
fn serve_on_threads(listener: TcpListener) -> io::Result<()> {
    let counts = Counts::default();
    for stream in listener.incoming() {
        let (stream, counts) = (stream?, counts.clone());
        std::thread::spawn(move || handle(stream, counts));
    }
    Ok(())
}

/// A coroutine for each connection.
fn serve_green(listener: TcpListener) -> io::Result<()> {
    use greenwood::patch::{Patches, install};
    install(Patches::all()).map_err(io::Error::other)?; // new
    greenwood::run(|| {
        let counts = Counts::default();
        for stream in listener.incoming() {
            let (stream, counts) = (stream?, counts.clone());
            greenwood::spawn(move || handle(stream, counts)); // instead of std::thread::spawn
        }
        Ok(())
    })
}

fn main() {
    let mut args = std::env::args().skip(1);
    let result = match args.next().as_deref() {
        Some("serve") => serve(args.next().as_deref()),
        first => compare::main(first.map(str::to_owned).into_iter().chain(args)),
    };
    if let Err(error) = result {
        eprintln!("threads_to_green: {error}");
        std::process::exit(1);
    }
}

fn serve(how: Option<&str>) -> io::Result<()> {
    let serve = match how {
        Some("threads") => serve_on_threads,
        Some("green") => serve_green,
        _ => return Err(io::Error::other("serve takes `threads` or `green`")),
    };
    compare::raise_descriptor_limit()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    serve(listener)
}
