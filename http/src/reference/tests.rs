//! The parsers against their references. PROPTEST_CASES asks for more messages than the default.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Verdict, agree, body, check_path, check_range, check_router, near};

const CASES: u32 = 2000;

/// For so many of the cases, where each takes long.
pub(super) fn runner(share: u32) -> TestRunner {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config.cases = config.cases.div_ceil(share);
    TestRunner::new(config)
}

/// Checks `messages`, of which some must be valid and some not, or only one half would be tested.
fn check(messages: BoxedStrategy<Vec<u8>>, agree: fn(&[u8]), valid: fn(&[u8]) -> bool) {
    let (fine, all) = (Cell::new(0), Cell::new(0));
    check_all(messages, |message| {
        agree(message);
        fine.set(fine.get() + u32::from(valid(message)));
        all.set(all.get() + 1);
    });
    let (fine, all) = (fine.get(), all.get());
    assert!(fine > all / 10 && fine < all - all / 10, "{fine} of {all} are valid");
}

fn check_all(messages: BoxedStrategy<Vec<u8>>, agree: impl Fn(&[u8])) {
    let result = runner(1).run(&messages, |message| {
        agree(&message);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn heads_agree() {
    check(near::heads(), agree::check_head, agree::is_head);
}

/// What is strict takes nothing that others do not, and sees in it what they see.
#[test]
fn what_is_taken_is_taken_by_httparse_too() {
    let agree = |bytes: &[u8]| {
        let Verdict::Complete(request) = agree::parsed(bytes) else { return };
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut theirs = httparse::Request::new(&mut fields);
        assert_eq!(theirs.parse(bytes), Ok(httparse::Status::Complete(request.head)));
        assert_eq!(theirs.method, Some(&*request.method));
        assert_eq!(theirs.path, Some(&*request.target));
        assert_eq!(theirs.version, Some(request.minor_version));
        let ours = request.fields.iter().map(|(name, value)| (&**name, &**value));
        assert!(ours.eq(theirs.headers.iter().map(|field| (field.name, field.value))));
    };
    check(near::heads(), agree, agree::is_head);
}

#[test]
fn bodies_agree() {
    let whole = |bytes: &[u8]| matches!(body::read(bytes).1, Verdict::Complete(_));
    check(near::bodies(), agree::check_chunked, whole);
}

#[test]
fn ranges_agree() {
    check_all(near::ranges(), check_range);
}

#[test]
fn routers_agree() {
    check_all(near::routers(), check_router);
}

#[test]
fn paths_agree() {
    check_all(near::paths(), check_path);
}

/// What no change of a valid message is likely to come to.
#[test]
fn edges_agree() {
    let long = |n: usize| "a".repeat(n);
    for message in [
        String::new(),
        "\r".into(),
        "\r\n".into(),
        "\n".into(),
        format!("GET /{} HTTP/1.0\r\n\r\n", long(63)),
        format!("GET /{} HTTP/1.0\r\n\r\n", long(64)),
        format!("GET /{}", long(64)),
        format!("{} / HTTP/1.0\r\n\r\n", long(512 - 15)),
        format!("{} / HTTP/1.0\r\n\r\n", long(512 - 14)),
        format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(8)),
        format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(9)),
        format!("GET / HTTP/1.0\r\nA: {}\r\n\r\n", long(512)),
        format!("GET / HTTP/1.0\r\nA {}\r\n\r\n", long(512)),
        format!("GET / HTTP/2.{}\r\n\r\n", long(512)),
    ] {
        agree::check_head(message.as_bytes());
    }
    for overhead in [16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1] {
        // Cut at each byte, the rest would take minutes.
        for message in [
            format!("3;{}\r\nabc\r\n0\r\n\r\n", long(overhead)),
            format!("0\r\nA:{}\r\n\r\n", long(overhead - 1)),
            format!("0\r\n{}:\r\n\r\n", long(overhead)),
            format!("0;{}\r\nA:{}\r\n\r\n", long(100), long(overhead - 101)),
        ] {
            agree::chunked_whole(message.as_bytes());
        }
    }
}
