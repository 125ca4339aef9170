//! A server on a free port, and a client that speaks bytes.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use greenwood_http::{Backend, Builder, Handler, IntoResponse, Request, Server, ShutdownHandle};

pub mod cuts;
pub mod folder;

/// Turns a hang into a failure; nothing depends on its length.
pub const WATCHDOG: Duration = Duration::from_secs(20);

pub const BACKENDS: [Backend; 2] = [Backend::Green, Backend::Threads];

pub struct TestServer {
    pub address: SocketAddr,
    pub shutdown: ShutdownHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl TestServer {
    pub fn start<H, R>(handler: H) -> TestServer
    where
        H: Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        TestServer::with(Server::builder(), handler)
    }

    pub fn with<H, R>(builder: Builder, handler: H) -> TestServer
    where
        H: Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
        R: IntoResponse,
    {
        TestServer::serving(builder, handler)
    }

    pub fn serving(builder: Builder, handler: impl Handler) -> TestServer {
        TestServer::run(builder, handler, |serve| greenwood_runtime::run(serve))
    }

    /// With one worker, which all connections have to share.
    pub fn on_one_worker(builder: Builder, handler: impl Handler) -> TestServer {
        let runtime = greenwood_runtime::Runtime::builder().workers(1).build().unwrap();
        TestServer::run(builder, handler, move |serve| runtime.run(serve))
    }

    fn run(
        builder: Builder,
        handler: impl Handler,
        run: impl FnOnce(Box<dyn FnOnce() -> io::Result<()> + Send>) -> io::Result<()> + Send + 'static,
    ) -> TestServer {
        let server = builder.bind("127.0.0.1:0").unwrap();
        let (address, shutdown) = (server.local_addr().unwrap(), server.shutdown_handle());
        let thread = std::thread::spawn(move || run(Box::new(move || server.serve(handler))));
        TestServer { address, shutdown, thread: Some(thread) }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends `parts` one after the other and reads to the end.
    pub fn exchange(&self, parts: &[&[u8]]) -> String {
        let mut client = self.connect();
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                // Makes it likely that the parts are read apart; the outcome must be the same.
                std::thread::sleep(Duration::from_micros(500));
            }
            // The server may have closed after the part before, as it should on nonsense.
            let _ = client.stream.write_all(part);
        }
        client.rest()
    }

    /// Waits for `serve` to return after a shutdown.
    pub fn join(mut self) {
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.shutdown_within(Duration::ZERO);
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            if !std::thread::panicking() {
                result.unwrap().unwrap();
            }
        }
    }
}

#[derive(Debug)]
pub struct Client {
    pub stream: TcpStream,
    /// Received but not asked for yet.
    ahead: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = connect(address);
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, ahead: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// What one read yields, without `Date`.
    pub fn read_once(&mut self) -> String {
        let mut bytes = vec![0; 256 * 1024];
        let n = self.stream.read(&mut bytes).unwrap();
        undated(&bytes[..n])
    }

    /// Everything up to the end of the connection, without `Date`.
    pub fn rest(&mut self) -> String {
        let mut bytes = std::mem::take(&mut self.ahead);
        self.stream.read_to_end(&mut bytes).unwrap();
        undated(&bytes)
    }

    /// Everything up to the end of the connection as it is; a reset is an end too.
    pub fn raw_rest(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.ahead);
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => {}
            Err(e) => panic!("{e}"),
        }
        bytes
    }

    /// So many bytes as they are.
    pub fn exactly(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.ahead);
        if bytes.len() > len {
            self.ahead = bytes.split_off(len);
            return bytes;
        }
        let received = bytes.len();
        bytes.resize(len, 0);
        self.stream.read_exact(&mut bytes[received..]).unwrap();
        bytes
    }

    /// Bytes up to and with `end`, without `Date`.
    pub fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = find(&self.ahead, end.as_bytes()) {
                let rest = self.ahead.split_off(at + end.len());
                return undated(&std::mem::replace(&mut self.ahead, rest));
            }
            let mut bytes = [0; 4096];
            let n = self.stream.read(&mut bytes).unwrap();
            assert!(n > 0, "ended before {end:?}: {:?}", String::from_utf8_lossy(&self.ahead));
            self.ahead.extend_from_slice(&bytes[..n]);
        }
    }
}

/// What `until` has left, and then what comes.
impl Read for &mut Client {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            return self.stream.read(into);
        }
        let n = into.len().min(self.ahead.len());
        into[..n].copy_from_slice(&self.ahead[..n]);
        self.ahead.drain(..n);
        Ok(n)
    }
}

/// Waits for a port if they have run out: thousands of connections one after the other leave as many in TIME_WAIT.
fn connect(address: SocketAddr) -> TcpStream {
    let late = std::time::Instant::now() + WATCHDOG * 5;
    loop {
        match TcpStream::connect(address) {
            Err(e)
                if e.kind() == io::ErrorKind::AddrNotAvailable
                    && std::time::Instant::now() < late =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            stream => return stream.unwrap(),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

/// `bytes` without the lines of `Date` fields, which must be there in every answer's head.
pub fn undated(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split_inclusive("\r\n");
    lines.filter(|line| !(line.starts_with("date: ") && line.ends_with(" GMT\r\n"))).collect()
}

/// A plain-text answer as the server sends it, but for `Date`.
pub fn text(status: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len}\r\n\r\n{body}"
    )
}

/// The same from a connection that closes then.
pub fn closing(status: &str, body: &str) -> String {
    text(status, body).replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1)
}

/// The server's own answer to what it refuses.
pub fn refused(status: &str) -> String {
    closing(status, status.split_once(' ').unwrap().1)
}

/// Method, path and body of a request as text.
pub fn echo(request: &mut Request<'_>) -> io::Result<String> {
    let mut body = String::new();
    request.body().read_to_string(&mut body)?;
    Ok(format!("{} {} {body}", request.method(), request.path()))
}
