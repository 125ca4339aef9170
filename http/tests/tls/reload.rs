//! Certificates that change while the server runs.

use std::io::{ErrorKind, Write};

use greenwood_http::{Server, Tls};

use crate::client::{Client, Identity, text};
use crate::support::{TestServer, echo};

fn ask(client: &mut Client) -> std::io::Result<()> {
    client.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")?;
    assert_eq!(text(client), "GET /a ");
    Ok(())
}

#[test]
fn new_connections_get_the_new_certificate_and_open_ones_stay() {
    let (old, new, newest) =
        (Identity::new("localhost"), Identity::new("localhost"), Identity::new("localhost"));
    let files = old.files();
    let tls = Tls::from_pem_files(&files.certificate, &files.key).unwrap();
    let server = TestServer::with(Server::builder().tls(tls.clone()), echo);
    let mut open = old.connect(server.address);
    ask(&mut open).unwrap();
    ask(&mut new.connect(server.address)).expect_err("not there yet");

    files.write(&new);
    tls.reload().unwrap();
    ask(&mut new.connect(server.address)).unwrap();
    ask(&mut old.connect(server.address)).expect_err("not there any more");
    ask(&mut open).unwrap();

    tls.reload_pem(newest.certificate.as_bytes(), newest.key.as_bytes()).unwrap();
    ask(&mut newest.connect(server.address)).unwrap();
}

#[test]
fn a_broken_pair_leaves_the_old_one_and_names_the_file() {
    let (identity, other) = (Identity::new("localhost"), Identity::new("localhost"));
    let files = identity.files();
    let tls = Tls::from_pem_files(&files.certificate, &files.key).unwrap();
    let server = TestServer::with(Server::builder().tls(tls.clone()), echo);
    let (chain, key) = (files.certificate.display().to_string(), files.key.display().to_string());

    let check = |kind: ErrorKind, start: &str| {
        let error = tls.reload().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().starts_with(start), "{error}");
        ask(&mut identity.connect(server.address)).unwrap();
    };
    std::fs::write(&files.key, &other.key).unwrap();
    check(ErrorKind::InvalidData, &format!("{chain} with {key}: "));
    std::fs::write(&files.key, &other.certificate).unwrap();
    check(ErrorKind::InvalidData, &format!("{key}: no private key"));
    std::fs::write(&files.key, "-----BEGIN PRIVATE KEY-----\n%%%\n-----END PRIVATE KEY-----\n")
        .unwrap();
    check(ErrorKind::InvalidData, &format!("{key}: no private key"));
    std::fs::remove_file(&files.key).unwrap();
    check(ErrorKind::NotFound, &format!("{key}: "));
    files.write(&identity);
    std::fs::write(&files.certificate, "").unwrap();
    check(ErrorKind::InvalidData, &format!("{chain}: no certificate"));
    std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    check(ErrorKind::InvalidData, &format!("{chain}: no certificate"));
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&files.certificate, nonsense).unwrap();
    check(ErrorKind::InvalidData, &format!("{chain} with {key}: "));

    let error = identity.tls().reload().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = tls.reload_pem(b"", identity.key.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}
