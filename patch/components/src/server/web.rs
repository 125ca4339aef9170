//! A server of our own on OS threads, for whatever is spoken over TCP or TLS.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::{Certificate, Gate};

/// One connection, plain or encrypted.
pub trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

type Connection = Box<dyn Stream>;

/// What a server does with its connections.
pub type Serve = dyn Fn(Connection, &Gate) + Send + Sync;

/// A server with a thread for each connection. Serves until the program ends.
pub struct Web {
    address: SocketAddr,
    certificate: Option<Certificate>,
    gate: Arc<Gate>,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Web {
    /// Starts one that does what `serve` says, with a gate for `together`; with a certificate, over TLS.
    pub fn start(certificate: Option<Certificate>, together: usize, serve: Arc<Serve>) -> Web {
        let gate = Arc::new(Gate::new(together));
        let theirs = gate.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = certificate.as_ref().map(Certificate::acceptor);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, acceptor) = (stream.unwrap(), acceptor.clone());
                let (serve, gate) = (serve.clone(), theirs.clone());
                thread::spawn(move || match acceptor {
                    None => serve(Box::new(stream), &gate),
                    // A client that trusts nobody ends the handshake.
                    Some(acceptor) => {
                        drop(acceptor.accept(stream).map(|tls| serve(Box::new(tls), &gate)))
                    }
                });
            }
        });
        Web { address, certificate, gate }
    }

    /// An HTTP server whose answer is the target that was asked for, given when `together` requests are in progress.
    pub fn http(certificate: Option<Certificate>, together: usize) -> Web {
        Web::start(certificate, together, Arc::new(answer))
    }

    /// Gives back each `size` bytes, when `together` connections have sent as many.
    pub fn echo(certificate: Option<Certificate>, together: usize, size: usize) -> Web {
        let echo = move |mut stream: Connection, gate: &Gate| {
            let mut bytes = vec![0; size];
            while stream.read_exact(&mut bytes).is_ok() {
                gate.pass();
                if stream.write_all(&bytes).and_then(|()| stream.flush()).is_err() {
                    return;
                }
            }
        };
        Web::start(certificate, together, Arc::new(echo))
    }

    /// How many requests it has received.
    pub fn requests(&self) -> usize {
        self.gate.came()
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection to it.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// How to ask it for `target`, by name.
    pub fn url(&self, target: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}{target}", self.address.port())
    }

    /// What it shows.
    pub fn certificate(&self) -> &Certificate {
        self.certificate.as_ref().expect("a server with a certificate")
    }
}

fn answer(stream: Connection, gate: &Gate) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            match stream.read_line(&mut line) {
                Ok(1..) if line == "\r\n" => break,
                Ok(1..) => head.push(line),
                _ => return,
            }
        }
        gate.pass();
        let target = head[0].split(' ').nth(1).unwrap_or("?");
        let response =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len());
        let stream = stream.get_mut();
        if stream.write_all(response.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}
