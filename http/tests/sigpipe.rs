//! Files where SIGPIPE has its default action, as in a program that restores it: sendfile(2) would end the process when a client goes away.

mod support;

use greenwood_http::files::File;
use greenwood_http::{Request, Server};
use support::folder::{Folder, noise};
use support::{BACKENDS, TestServer};

#[test]
fn clients_that_go_away_do_not_end_the_process() {
    // SAFETY: no handler is installed, and this process has one test.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let folder = Folder::new();
    let bytes = noise(32 << 20);
    let path = folder.write("f", &bytes);
    for backend in BACKENDS {
        let path = path.clone();
        let server = TestServer::with(
            Server::builder().backend(backend),
            move |request: &mut Request<'_>| File::open(&path).map(|file| file.respond(request)),
        );
        for _ in 0..20 {
            let mut client = server.connect();
            client.send("GET / HTTP/1.0\r\n\r\n");
            client.until("\r\n\r\n");
        }
        let mut client = server.connect();
        client.send("GET / HTTP/1.0\r\n\r\n");
        client.until("\r\n\r\n");
        assert!(client.raw_rest() == bytes);
    }
}
