//! OpenSSL's error queue, of which each thread has one, and so each coroutine.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use greenwood_patch_components::server::{Certificate, Web};
use greenwood_patch_components::{patched, until};
use greenwood_runtime::spawn;
use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod};
use openssl::x509::X509;

unsafe extern "C" {
    /// The oldest error of the queue, which stays there.
    safe fn ERR_peek_error() -> std::ffi::c_ulong;
}

/// Has OpenSSL fail, which leaves an error in the queue as long as nobody takes it.
fn fail() {
    // SAFETY: no certificate is to be found in these bytes, and nothing is returned.
    let found = unsafe {
        let mut bytes = b"no certificate".as_ptr();
        openssl_sys::d2i_X509(std::ptr::null_mut(), &mut bytes, 14)
    };
    assert!(found.is_null());
}

#[test]
fn errors_stay_with_the_coroutine_that_made_them() {
    patched(|| {
        let (failed, looked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let careless = spawn({
            let (failed, looked) = (failed.clone(), looked.clone());
            move || {
                fail();
                failed.store(true, Ordering::Relaxed);
                until(|| looked.load(Ordering::Relaxed));
                ErrorStack::get().errors().len()
            }
        });
        until(|| failed.load(Ordering::Relaxed));
        assert_eq!(ERR_peek_error(), 0, "another coroutine's error");
        looked.store(true, Ordering::Relaxed);
        assert!(careless.join().unwrap() > 0);
    });
}

#[test]
fn a_handshake_survives_what_others_fail_in() {
    let server = Web::echo(Some(Certificate::new()), 1, 4);
    patched(move || {
        let done = Arc::new(AtomicBool::new(false));
        let careless = spawn({
            let done = done.clone();
            move || {
                until(|| {
                    fail();
                    done.load(Ordering::Relaxed)
                });
            }
        });
        // OpenSSL takes an error in the queue for one of the call that it has just made.
        let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
        let trusted = X509::from_der(&server.certificate().der()).unwrap();
        connector.cert_store_mut().add_cert(trusted).unwrap();
        let connector = connector.build();
        for _ in 0..5 {
            let mut stream = connector.connect("localhost", server.connect()).unwrap();
            let mut back = [0; 4];
            stream.write_all(b"ping").unwrap();
            stream.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"ping");
        }
        done.store(true, Ordering::Relaxed);
        careless.join().unwrap();
    });
}
