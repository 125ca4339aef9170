//! `examples/threads_to_green`, run as a program.
#![cfg(feature = "patch")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// Cargo builds examples for `cargo test`, beside the folder of the tests, but names no path.
fn example() -> Command {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples").join("threads_to_green"))
}

#[test]
fn both_servers_are_compared() {
    let output = example().args(["--connections", "50", "--seconds", "1"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let row = |name: &str| -> Vec<f64> {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).map(|cell| cell.parse().unwrap()).collect()
    };
    let (threads, green) = (row("threads"), row("green"));
    assert_eq!(threads[0], 51.0, "{text}");
    // However many cores there are: workers, and no thread for a connection.
    assert!(green[0] < 51.0 || std::thread::available_parallelism().unwrap().get() > 40, "{text}");
    for row in [threads, green] {
        assert!(row.iter().all(|figure| *figure > 0.0), "{text}");
    }
}

#[test]
fn each_answers_as_the_other() {
    for how in ["threads", "green"] {
        let mut server = example().args(["serve", how]).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        // The first stays open and says nothing meanwhile.
        let mut clients: Vec<_> = (0..3)
            .map(|_| BufReader::new(TcpStream::connect(address.trim_end()).unwrap()))
            .collect();
        for (i, expected) in [(1, "1\n"), (2, "2\n"), (1, "3\n"), (0, "4\n")] {
            clients[i].get_mut().write_all(b"key\n").unwrap();
            let mut answer = String::new();
            clients[i].read_line(&mut answer).unwrap();
            assert_eq!(answer, expected, "{how}");
        }
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

#[test]
fn mistakes_are_named() {
    for (args, words) in [
        (&["--connections", "0"][..], "--connections takes a number from 1 to 100000"),
        (&["--what"], "unknown argument \"--what\""),
        (&["serve", "fibres"], "serve takes `threads` or `green`"),
    ] {
        let output = example().args(args).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(words) && error.lines().count() == 1, "{error}");
    }
    assert!(example().arg("--help").output().unwrap().status.success());
}
