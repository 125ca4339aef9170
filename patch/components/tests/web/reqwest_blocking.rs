//! `reqwest::blocking`, which runs tokio on a thread of its own.

use greenwood_patch_components::server::{Certificate, Web};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use reqwest::blocking::Client;

fn ask(server: Web, client: impl FnOnce(&Web) -> Client + Send + 'static) {
    patched(move || {
        let client = client(&server);
        let others = Others::new();
        let answers = others.run_during(|| {
            join_all(spawn_all(20, move |i| {
                let url = server.url(&format!("/{i}"));
                client.get(&url).send().unwrap().text().unwrap();
                client.get(&url).send().unwrap().text().unwrap()
            }))
        });
        assert!(answers.into_iter().eq((0..20).map(|i| format!("/{i}"))));
    });
}

#[test]
fn requests_are_in_progress_at_once() {
    ask(Web::http(None, 20), |_| Client::new());
}

#[test]
fn encrypted_requests_are_in_progress_at_once() {
    ask(Web::http(Some(Certificate::new()), 20), |server| {
        let root = reqwest::Certificate::from_der(&server.certificate().der()).unwrap();
        Client::builder().tls_certs_merge([root]).build().unwrap()
    });
}

#[test]
fn clients_come_and_go_on_coroutines() {
    let server = Web::http(None, 5);
    patched(move || {
        let answers = join_all(spawn_all(5, move |i| {
            Client::new().get(server.url(&format!("/{i}"))).send().unwrap().text().unwrap()
        }));
        assert!(answers.into_iter().eq((0..5).map(|i| format!("/{i}"))));
    });
}
