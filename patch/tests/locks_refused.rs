//! Locks are only patched where each coroutine has thread-locals of its own.

mod common;

use std::sync::{Arc, Mutex};

use greenwood_patch::{InstallError, Patches, install};
use greenwood_runtime::{interpose, spawn};

#[test]
fn the_reason_is_given() {
    let error = InstallError::NoOwnThreadLocals("this machine is too old".into());
    let text = error.to_string();
    assert!(text.contains("this machine is too old") && text.contains("Patches::LOCKS"), "{text}");
}

#[test]
fn refused_where_there_are_none() {
    match interpose::own_thread_locals() {
        Ok(()) => assert_eq!(install(Patches::LOCKS), Ok(())),
        Err(why) => {
            let refused = Err(InstallError::NoOwnThreadLocals(why));
            assert_eq!(install(Patches::LOCKS), refused);
            assert_eq!(install(Patches::all()), refused);
            assert_eq!(install(Patches::IO), Ok(()));
        }
    }
}

/// A runtime may share its thread-locals all the same. Its coroutines wait as threads do.
#[test]
fn a_runtime_that_shares_its_locals_blocks() {
    let _watchdog = common::watchdog();
    let _ = install(Patches::LOCKS);
    // SAFETY: nothing that runs on it holds on to a thread-local over a wait.
    let builder =
        unsafe { greenwood_runtime::Runtime::builder().workers(1).shared_thread_locals() };
    builder.build().unwrap().run(|| {
        let mutex = Arc::new(Mutex::new(0));
        let (held, is_held) = std::sync::mpsc::channel();
        let thread = std::thread::spawn({
            let mutex = mutex.clone();
            move || {
                let mut number = mutex.lock().unwrap();
                held.send(()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(2));
                *number += 1;
            }
        });
        is_held.recv().unwrap();
        let waiter = spawn(move || *mutex.lock().unwrap());
        assert_eq!(waiter.join().unwrap(), 1);
        thread.join().unwrap();
    });
}
