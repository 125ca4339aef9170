//! The crate `ureq`, with rustls and without.

use std::sync::Arc;
use std::time::Duration;

use greenwood_patch_components::server::{Certificate, Web};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

fn ask(server: Web, agent: Agent) {
    patched(move || {
        let others = Others::new();
        let answers = others.run_during(|| {
            join_all(spawn_all(20, move |i| {
                let url = server.url(&format!("/{i}"));
                // The second is sent on the connection of the first, or of another's.
                agent.get(&url).call().unwrap().body_mut().read_to_string().unwrap();
                agent.get(&url).call().unwrap().body_mut().read_to_string().unwrap()
            }))
        });
        assert!(answers.into_iter().eq((0..20).map(|i| format!("/{i}"))));
    });
}

#[test]
fn requests_are_in_progress_at_once() {
    ask(Web::http(None, 20), Agent::new_with_defaults());
}

#[test]
fn requests_with_time_outs_are_in_progress_at_once() {
    let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(100))).build();
    ask(Web::http(None, 20), Agent::new_with_config(config));
}

#[test]
fn encrypted_requests_are_in_progress_at_once() {
    let server = Web::http(Some(Certificate::new()), 20);
    let root = ureq::tls::Certificate::from_der(&server.certificate().der()).to_owned();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    ask(server, Agent::new_with_config(Agent::config_builder().tls_config(tls).build()));
}
