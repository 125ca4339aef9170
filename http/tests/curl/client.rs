//! curl, and the server that it is sent to.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver};

use greenwood_http::files::File;
use greenwood_http::http::StatusCode;
use greenwood_http::{IntoResponse, Limits, Request, Response, ResponseBody, Server};

use crate::support::{BACKENDS, TestServer};

/// More than any buffer holds, and nowhere the same.
pub static LARGE: LazyLock<&[u8]> = LazyLock::new(|| {
    let mut state = 1u64;
    let word = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()
    };
    (0..4 << 20).flat_map(word).collect::<Vec<u8>>().leak()
});

/// A file with a part of `LARGE` in it, which goes when this does.
pub struct Temporary(pub PathBuf);

impl Temporary {
    pub fn new(name: &str, length: usize) -> Temporary {
        let path =
            std::env::temp_dir().join(format!("greenwood-curl-{}-{name}", std::process::id()));
        std::fs::write(&path, &LARGE[..length]).unwrap();
        Temporary(path)
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub struct Curl {
    pub server: TestServer,
    /// What became of the bodies that `/upload` was sent.
    pub uploads: Receiver<io::Result<usize>>,
    pub file: Temporary,
}

impl Curl {
    /// One for each backend, if curl is installed.
    pub fn each(name: &str) -> impl Iterator<Item = Curl> {
        let found = Command::new("curl").arg("--version").output().is_ok();
        assert!(found || std::env::var_os("CI").is_none(), "curl is not installed");
        if !found {
            eprintln!("skipped: curl is not installed");
        }
        let name = name.to_owned();
        BACKENDS.into_iter().filter(move |_| found).map(move |backend| {
            let mut limits = Limits::default();
            limits.body = u64::MAX;
            let file = Temporary::new(&format!("{name}-{backend:?}"), 100_000);
            let path = file.0.clone();
            let (outcome, uploads) = mpsc::channel();
            let server = TestServer::with(
                Server::builder().backend(backend).limits(limits),
                move |request: &mut Request<'_>| -> io::Result<Response> {
                    Ok(match request.path() {
                        "/large" => (*LARGE).into_response(),
                        "/stream" => ResponseBody::from_reader(*LARGE).into_response(),
                        "/file" => File::open(&path)?.respond(request),
                        "/forbidden" => StatusCode::FORBIDDEN.into_response(),
                        "/peer" => request.peer_addr().unwrap().to_string().into_response(),
                        "/upload" => {
                            let mut body = Vec::new();
                            let result = request.body().read_to_end(&mut body);
                            let same = LARGE.starts_with(&body);
                            outcome.send(result).unwrap();
                            format!("{} {same}", body.len()).into_response()
                        }
                        _ => echo(request)?.into_response(),
                    })
                },
            );
            Curl { server, uploads, file }
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// Without what a user has configured.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("curl");
        command.args(["--disable", "--silent", "--show-error", "--globoff", "--max-time", "60"]);
        command.args(args).stdin(Stdio::null()).env_remove("http_proxy").env_remove("all_proxy");
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The body of the answer to `args`, which end in a URL. Whatever its status is.
    pub fn body(&self, args: &[&str]) -> Vec<u8> {
        let output = self.output(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        output.stdout
    }

    pub fn text(&self, args: &[&str], path: &str) -> String {
        let url = self.url(path);
        let args = [args, &[&*url]].concat();
        String::from_utf8(self.body(&args)).unwrap()
    }
}

fn echo(request: &mut Request<'_>) -> io::Result<String> {
    let mut body = String::new();
    request.body().read_to_string(&mut body)?;
    Ok(format!("{} {} {body}", request.method(), request.target()))
}
