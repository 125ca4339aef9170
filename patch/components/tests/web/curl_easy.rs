//! libcurl's easy interface, from the crate `curl`.

use curl::easy::Easy;
use greenwood_patch_components::server::{Certificate, Web};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};

/// The response to a request that comes to its end.
pub fn get(easy: &mut Easy, url: &str) -> Option<String> {
    easy.url(url).unwrap();
    let mut body = Vec::new();
    let mut transfer = easy.transfer();
    transfer
        .write_function(|bytes| {
            body.extend_from_slice(bytes);
            Ok(bytes.len())
        })
        .unwrap();
    transfer.perform().ok()?;
    drop(transfer);
    Some(String::from_utf8(body).unwrap())
}

fn ask(server: Web, set: impl Fn(&Web, &mut Easy) + Send + Sync + 'static) {
    patched(move || {
        let others = Others::new();
        let answers = others.run_during(|| {
            join_all(spawn_all(20, move |i| {
                let mut easy = Easy::new();
                set(&server, &mut easy);
                let url = server.url(&format!("/{i}"));
                get(&mut easy, &url).unwrap();
                get(&mut easy, &url).unwrap()
            }))
        });
        assert!(answers.into_iter().eq((0..20).map(|i| format!("/{i}"))));
    });
}

#[test]
fn transfers_are_in_progress_at_once() {
    ask(Web::http(None, 20), |_, _| {});
}

#[test]
fn encrypted_transfers_are_in_progress_at_once() {
    ask(Web::http(Some(Certificate::new()), 20), |server, easy| {
        easy.ssl_cainfo_blob(&server.certificate().pem()).unwrap();
    });
}
