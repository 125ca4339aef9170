//! Cancellation in the middle of a request: an error of the library's, and nobody else reads the response.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use curl::easy::Easy;
use greenwood_patch_components::server::{Certificate, Web};
use greenwood_patch_components::{patched, until};
use greenwood_runtime::{spawn, timeout};
use rustls::{ClientConnection, StreamOwned};

/// Has `wait` make a request that is not answered before it has been cancelled. The second request, `again`, is for another target.
fn cancelled<C: Send + 'static>(
    client: impl FnOnce() -> C + Send + 'static,
    get: impl Fn(&mut C, &str) -> Option<String> + Send + Sync + 'static,
) {
    let server = Arc::new(Web::http(None, 2));
    patched(move || {
        let get = Arc::new(get);
        let mut client = client();
        let waiter = spawn({
            let (server, get) = (server.clone(), get.clone());
            move || {
                let body = get(&mut client, &server.url("/late"));
                assert!(body.is_none(), "{body:?}");
                client
            }
        });
        until(|| server.requests() == 1);
        waiter.cancel();
        let mut client = waiter.join().unwrap();
        assert_eq!(get(&mut client, &server.url("/mine")).unwrap(), "/mine");
    });
}

#[test]
fn ureq_gives_the_connection_up() {
    cancelled(ureq::Agent::new_with_defaults, |agent, url| {
        agent.get(url).call().ok()?.body_mut().read_to_string().ok()
    });
}

#[test]
fn curl_gives_the_connection_up() {
    cancelled(Easy::new, super::curl_easy::get);
}

#[test]
fn curl_is_out_of_time() {
    let server = Web::http(None, 2);
    patched(move || {
        let mut easy = Easy::new();
        let body = timeout(Duration::from_millis(100), || {
            super::curl_easy::get(&mut easy, &server.url("/late"))
        });
        assert_eq!(body, Ok(None));
        // The server takes the first for one in progress, and so answers the second.
        until(|| server.requests() == 1);
        assert_eq!(super::curl_easy::get(&mut easy, &server.url("/mine")).unwrap(), "/mine");
    });
}

/// A wait for another thread, in which the connection is, has no error to return: it goes on, and the next call of the runtime's unwinds.
#[test]
fn reqwest_comes_to_its_end() {
    let server = Arc::new(Web::http(None, 2));
    patched(move || {
        let client = reqwest::blocking::Client::new();
        let waiter = spawn({
            let (server, client) = (server.clone(), client.clone());
            move || client.get(server.url("/late")).send().unwrap().text().unwrap()
        });
        until(|| server.requests() == 1);
        waiter.cancel();
        let body = client.get(server.url("/mine")).send().unwrap().text().unwrap();
        assert_eq!((waiter.join().unwrap().as_str(), body.as_str()), ("/late", "/mine"));
    });
}

#[test]
fn a_rustls_stream_reports_it() {
    let server = Arc::new(Web::echo(Some(Certificate::new()), 2, 4));
    patched(move || {
        let waiter = spawn({
            let server = server.clone();
            move || {
                let config = Arc::new(super::rustls_stream::trusting(server.certificate()));
                let tls = ClientConnection::new(config, "localhost".try_into().unwrap());
                let mut stream = StreamOwned::new(tls.unwrap(), server.connect());
                stream.write_all(b"ping").unwrap();
                stream.read_exact(&mut [0; 4]).unwrap_err().raw_os_error()
            }
        });
        until(|| server.requests() == 1);
        waiter.cancel();
        assert_eq!(waiter.join().unwrap(), Some(libc::ECANCELED));
    });
}
