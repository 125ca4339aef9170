//! A network between a page and the chat, that can fail.

use std::io;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes on what comes to its own address, but for requests of paths that are blocked.
pub struct Relay {
    pub address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    down: bool,
    blocked: Vec<&'static str>,
    streams: Vec<TcpStream>,
}

impl Relay {
    pub fn to(target: &str, blocked: &[&'static str]) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State { blocked: blocked.to_vec(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let (shared, target) = (state.clone(), target.to_owned());
        // Ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, target) = (shared.clone(), target.clone());
                thread::spawn(move || {
                    let _ = pass(stream, &target, &state);
                });
            }
        });
        Relay { address, state }
    }

    /// Breaks all connections, and lets none through.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.down = true;
        for stream in state.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&self) {
        self.state.lock().unwrap().down = false;
    }
}

fn pass(mut client: TcpStream, target: &str, state: &Mutex<State>) -> io::Result<()> {
    let mut server = TcpStream::connect(target)?;
    {
        let mut state = state.lock().unwrap();
        if state.down {
            return Ok(());
        }
        state.streams.extend([client.try_clone()?, server.try_clone()?]);
    }
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 4096];
    loop {
        let n = client.read(&mut bytes)?;
        let blocked = |path: &&str| bytes[..n].starts_with(format!("GET {path}").as_bytes());
        if n == 0 || state.lock().unwrap().blocked.iter().any(blocked) {
            client.shutdown(Shutdown::Both)?;
            return server.shutdown(Shutdown::Both);
        }
        server.write_all(&bytes[..n])?;
    }
}
