//! Coalescing, bounds and failures, with resolvers that the tests control.

use super::resolver::Resolver;
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);

fn answer() -> Vec<SocketAddr> {
    vec!["192.0.2.1:0".parse().unwrap()]
}

/// A resolver that reports each call and answers when told to.
fn controlled(limit: usize) -> (Arc<Resolver>, Receiver<String>, Sender<()>) {
    let (calls, called) = channel();
    let (go, gate) = channel();
    let gate = Mutex::new(gate);
    let resolver = Resolver::new(limit, move |host| {
        calls.send(host.to_owned()).unwrap();
        gate.lock().unwrap().recv_timeout(LONG).unwrap();
        Ok(answer())
    });
    (Arc::new(resolver), called, go)
}

fn start(
    resolver: &Arc<Resolver>,
    host: &'static str,
) -> thread::JoinHandle<io::Result<Vec<SocketAddr>>> {
    let resolver = Arc::clone(resolver);
    thread::spawn(move || resolver.lookup(host, LONG))
}

#[test]
fn equal_lookups_in_flight_are_one_call() {
    let (resolver, called, go) = controlled(4);
    let first = start(&resolver, "a.example");
    assert_eq!(called.recv_timeout(LONG).unwrap(), "a.example");
    // Whatever asks from here on until the answer joins; one that gives up proves that it was no second call.
    assert_eq!(resolver.lookup("a.example", SHORT).unwrap_err().kind(), io::ErrorKind::TimedOut);
    let others: Vec<_> = (0..8).map(|_| start(&resolver, "a.example")).collect();
    assert!(called.try_recv().is_err());
    go.send(()).unwrap();
    assert_eq!(first.join().unwrap().unwrap(), answer());
    // A latecomer may start a second call; those that joined share the first.
    drop(go);
    for other in others {
        if let Ok(addrs) = other.join().unwrap() {
            assert_eq!(addrs, answer());
        }
    }
}

#[test]
fn an_answer_is_not_kept_for_later() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let resolver = Resolver::new(2, move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(answer())
    });
    resolver.lookup("a.example", LONG).unwrap();
    resolver.lookup("a.example", LONG).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn the_timeout_names_the_host_and_harms_nobody() {
    let (resolver, called, go) = controlled(1);
    let patient = start(&resolver, "slow.example");
    called.recv_timeout(LONG).unwrap();
    let error = resolver.lookup("slow.example", SHORT).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("slow.example"), "{error}");
    go.send(()).unwrap();
    assert_eq!(patient.join().unwrap().unwrap(), answer());
}

#[test]
fn no_more_lookups_than_allowed_run_at_once() {
    let (resolver, called, go) = controlled(2);
    let names = ["1.example", "2.example", "3.example", "4.example"];
    let lookups: Vec<_> = names.iter().map(|host| start(&resolver, host)).collect();
    let mut seen: HashSet<_> = (0..2).map(|_| called.recv_timeout(LONG).unwrap()).collect();
    assert!(called.recv_timeout(SHORT).is_err(), "a third look-up started beside two");
    for _ in names {
        go.send(()).unwrap();
    }
    seen.extend((0..2).map(|_| called.recv_timeout(LONG).unwrap()));
    assert_eq!(seen.len(), 4);
    assert!(lookups.into_iter().all(|lookup| lookup.join().unwrap().is_ok()));
}

#[test]
fn a_lookup_that_nobody_awaits_is_not_begun() {
    let (resolver, called, go) = controlled(1);
    let busy = start(&resolver, "busy.example");
    called.recv_timeout(LONG).unwrap();
    resolver.lookup("given-up.example", SHORT).unwrap_err();
    go.send(()).unwrap();
    busy.join().unwrap().unwrap();
    let next = start(&resolver, "next.example");
    assert_eq!(called.recv_timeout(LONG).unwrap(), "next.example");
    go.send(()).unwrap();
    next.join().unwrap().unwrap();
}

#[test]
fn errors_keep_their_kind_and_name_the_host() {
    let resolver =
        Resolver::new(1, |_| Err(io::Error::new(io::ErrorKind::NotFound, "no such name")));
    let error = resolver.lookup("missing.example", LONG).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(error.to_string(), "missing.example: no such name");
    let resolver = Resolver::new(1, |_| Err(io::Error::from_raw_os_error(libc::EMFILE)));
    assert_eq!(resolver.lookup("a.example", LONG).unwrap_err().raw_os_error(), Some(libc::EMFILE));
}

#[test]
fn a_panic_reaches_all_who_wait_and_the_resolver_goes_on() {
    let resolver = Resolver::new(1, |host| {
        assert!(host != "bad.example", "on purpose");
        Ok(answer())
    });
    assert_eq!(resolver.lookup("bad.example", LONG).unwrap_err().kind(), io::ErrorKind::Other);
    assert_eq!(resolver.lookup("good.example", LONG).unwrap(), answer());
}

#[test]
fn the_time_around_a_lookup_ends_it() {
    let look = || {
        let (resolver, called, go) = controlled(1);
        let mut failed = false;
        let result = greenwood_runtime::timeout(SHORT, || {
            let error = resolver.lookup("a.example", LONG).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
            failed = true;
            let _ = resolver.lookup("a.example", LONG);
            unreachable!("the second wait unwinds");
        });
        let _: Result<(), _> = result;
        assert!(result.is_err() && failed);
        // Those who left are no passengers any more; who comes now is.
        assert_eq!(called.recv_timeout(LONG).unwrap(), "a.example");
        go.send(()).unwrap();
        go.send(()).unwrap();
        assert_eq!(resolver.lookup("a.example", LONG).unwrap(), answer());
    };
    look();
    greenwood_runtime::run(look);
}
