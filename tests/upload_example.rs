//! `examples/upload`, run as a program and used with curl.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{
    Answer, BLOCK, Folder, Server, WATCHDOG, answer, curl, example, holds_pattern, pattern,
};

const MIB: u64 = 1 << 20;

/// Much more than an upload may take of memory.
const LONG: u64 = 512 * MIB;

fn start(folder: &Folder, args: &[&str]) -> Server {
    let mut command = example("upload");
    command.args(["--addr", "127.0.0.1:0"]).args(args).arg(folder.path());
    Server::spawn(&mut command)
}

fn is(status: u32, text: &str) -> Answer {
    Answer { status, text: text.to_owned() }
}

/// Sends `length` bytes of the pattern, announced or, through a pipe, not.
fn put_pattern(server: &Server, path: &str, length: u64, announced: bool) -> Answer {
    let mut command = curl(&server.url(path), ["--upload-file", "-"]);
    if announced {
        command.args(["--header", &format!("Content-Length: {length}")]);
        command.args(["--header", "Transfer-Encoding:"]);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut block = vec![0; BLOCK];
    for number in 0..length.div_ceil(MIB) {
        let n = (length - number * MIB).min(MIB) as usize;
        pattern(number, &mut block[..n]);
        // A refused curl ends without reading the rest.
        if stdin.write_all(&block[..n]).is_err() {
            break;
        }
    }
    drop(stdin);
    answer(&child.wait_with_output().unwrap())
}

/// The most memory that the server has had, in bytes.
fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + WATCHDOG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn long_uploads_take_constant_memory() {
    for (backend, announced) in [("green", false), ("threads", true)] {
        let folder = Folder::new();
        let server = start(&folder, &["--backend", backend]);
        // What any upload takes, code included.
        assert_eq!(put_pattern(&server, "/first", MIB, announced).status, 201);
        let before = peak(&server);
        let stored = put_pattern(&server, "/long.bin", LONG, announced);
        assert_eq!(stored, is(201, "long.bin is stored\n"));
        let grown = peak(&server) - before;
        assert!(grown < 8 * MIB, "{backend}: {grown}");
        assert!(holds_pattern(&folder.join("long.bin"), LONG));
        assert_eq!(folder.names(), ["first", "long.bin"]);
    }
}

#[test]
fn files_of_all_sizes_are_stored() {
    for backend in ["green", "threads"] {
        let folder = Folder::new();
        let server = start(&folder, &["--backend", backend]);
        for (name, length) in [
            ("0", 0),
            ("1", 1),
            ("piece", 256 << 10),
            ("more", (256 << 10) + 1),
            ("odd", 1_000_003),
        ] {
            for announced in [true, false] {
                let name = format!("{name}-{announced}");
                let stored = put_pattern(&server, &format!("/{name}"), length, announced);
                assert_eq!(stored, is(201, &format!("{name} is stored\n")));
                assert!(holds_pattern(&folder.join(&name), length), "{name}");
            }
        }
    }
}

#[test]
fn what_exists_stays_unless_told_otherwise() {
    let folder = Folder::new();
    folder.write("taken", "old");
    folder.write("folder/x", "x");
    let server = start(&folder, &[]);
    assert_eq!(put_pattern(&server, "/taken", 3 * MIB, true), is(409, "taken exists already\n"));
    assert_eq!(fs::read(folder.join("taken")).unwrap(), b"old");
    drop(server);
    let server = start(&folder, &["--overwrite"]);
    assert_eq!(put_pattern(&server, "/taken", 3 * MIB, true).status, 201);
    assert!(holds_pattern(&folder.join("taken"), 3 * MIB));
    assert_eq!(put_pattern(&server, "/folder", 10, true).status, 409);
    assert_eq!(folder.names(), ["folder", "taken"]);
}

/// Of two that upload one name at a time, the one who ends first has it.
#[test]
fn who_is_slower_finds_the_name_taken() {
    let folder = Folder::new();
    let server = start(&folder, &[]);
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.set_read_timeout(Some(WATCHDOG)).unwrap();
    slow.write_all(
        b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\n1",
    )
    .unwrap();
    wait_until("the upload has begun", || folder.names().len() == 1);
    assert_eq!(put_pattern(&server, "/x", 8, true).status, 201);
    slow.write_all(b"2").unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 409 "), "{text}");
    assert!(holds_pattern(&folder.join("x"), 8));
    assert_eq!(folder.names(), ["x"]);
}

#[test]
fn names_are_names() {
    let folder = Folder::new();
    fs::create_dir(folder.join("root")).unwrap();
    let mut command = example("upload");
    command.args(["--addr", "127.0.0.1:0"]).arg(folder.join("root"));
    let server = Server::spawn(&mut command);
    let put = |path: &str| {
        let mut command = curl(&server.url(path), ["--path-as-is", "--upload-file", "-"]);
        answer(&command.output().unwrap()).status
    };
    for path in [
        "/..",
        "/../x",
        "/%2e%2e",
        "/%2e%2e%2fx",
        "/..%2fx",
        "/..%5cx",
        "/%2ftmp%2fx",
        "/a/b",
        "/a%2fb",
        "/a%00",
        "/a%0ab",
        "/.hidden",
        "/.upload-1-0",
        "/%2e",
        "/%",
        "/%ff",
        &format!("/{}", "n".repeat(300)),
    ] {
        let status = put(path);
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    assert_eq!(folder.names(), ["root"]);
    // Only if there is nothing else in it.
    fs::remove_dir(folder.join("root")).unwrap();
    fs::create_dir(folder.join("root")).unwrap();
    assert_eq!(put("/caf%C3%A9%20%252e.txt"), 201);
    assert!(folder.join("root/café %2e.txt").is_file());
    assert_eq!(server.curl("/caf%C3%A9", ["--data", "x"]).status, 405);
}

#[test]
fn what_breaks_off_leaves_nothing() {
    for backend in ["green", "threads"] {
        let folder = Folder::new();
        let server = start(&folder, &["--backend", backend, "--limit", "3M"]);
        // The limit, one under and one over, announced and not.
        for announced in [true, false] {
            for (length, status) in [(3 * MIB - 1, 201), (3 * MIB, 201), (3 * MIB + 1, 413)] {
                let path = format!("/{length}-{announced}");
                assert_eq!(put_pattern(&server, &path, length, announced).status, status, "{path}");
            }
        }
        let whole = folder.names();
        assert_eq!(whole.len(), 4);
        // A client that is killed, and one whose chunks are none.
        let mut child = curl(&server.url("/killed"), ["--upload-file", "-"]);
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&[7; MIB as usize]).unwrap();
        let partial = || folder.names().len() > whole.len();
        wait_until("the upload has begun", partial);
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("the upload is dropped", || !partial());
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let head = "PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}4\r\nabcd\r\nno size\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
        assert_eq!(folder.names(), whole);
    }
}

/// As a full disk does, a limit on files' sizes makes a write fail in the middle.
#[test]
fn a_failed_write_is_said_and_leaves_nothing() {
    let folder = Folder::new();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""]);
    command.arg(example("upload").get_program()).args(["--addr", "127.0.0.1:0"]);
    let mut server = Server::spawn(command.arg(folder.path()).stderr(Stdio::piped()));
    assert_eq!(put_pattern(&server, "/small", MIB, true).status, 201);
    assert_eq!(put_pattern(&server, "/large", 3 * MIB, true).status, 507);
    assert_eq!(folder.names(), ["small"]);
    let error = server.error_line();
    assert!(error.starts_with("upload: \"large\": ") && error.ends_with("\n"), "{error:?}");
}

#[test]
fn signals() {
    for backend in ["green", "threads"] {
        // Once: what has begun may end.
        let folder = Folder::new();
        let server = start(&folder, &["--backend", backend]);
        let head = "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        stream.write_all(format!("{head}12").as_bytes()).unwrap();
        wait_until("the upload has begun", || folder.names().len() == 1);
        let idle = TcpStream::connect(&server.address).unwrap();
        idle.set_read_timeout(Some(WATCHDOG)).unwrap();
        // By its answer, the server has this connection.
        (&idle).write_all(b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        (&idle).read_exact(&mut [0; 12]).unwrap();
        server.signal("-INT");
        (&idle).read_to_end(&mut Vec::new()).unwrap();
        stream.write_all(b"3").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 201 "), "{text}");
        let (status, printed) = server.exit();
        assert_eq!(status.code(), Some(0));
        assert!(printed.ends_with("\n") && printed.contains("x: 3 B in "), "{printed}");
        assert_eq!(fs::read(folder.join("x")).unwrap(), b"123");

        // Twice: it is dropped.
        fs::remove_file(folder.join("x")).unwrap();
        let server = start(&folder, &["--backend", backend]);
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(format!("{head}12").as_bytes()).unwrap();
        let idle = TcpStream::connect(&server.address).unwrap();
        idle.set_read_timeout(Some(WATCHDOG)).unwrap();
        (&idle).write_all(b"GET /none HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        (&idle).read_exact(&mut [0; 12]).unwrap();
        wait_until("the upload has begun", || folder.names().len() == 1);
        server.signal("-INT");
        (&idle).read_to_end(&mut Vec::new()).unwrap();
        server.signal("-INT");
        assert_eq!(server.exit().0.signal(), Some(2));
        assert_eq!(folder.names(), Vec::<String>::new());
    }
}

#[test]
fn progress_is_a_line_now_and_then_in_a_pipe() {
    let folder = Folder::new();
    let mut server = start(&folder, &[]);
    assert_eq!(put_pattern(&server, "/a%20b", 4 * MIB, true).status, 201);
    loop {
        let line = server.line();
        assert!(line.starts_with("a b") && !line.contains(['\r', '\x1b']), "{line:?}");
        if line.contains(": ") {
            assert!(line.starts_with("a b: 4.0 MiB in ") && line.ends_with(" s\n"), "{line:?}");
            break;
        }
        assert!(line.contains(" %, ") && line.ends_with(" of 4.0 MiB\n"), "{line:?}");
    }
    let slow = ["--limit-rate", "1M", "--upload-file", "-"];
    let mut child = curl(&server.url("/slow"), slow);
    child.args(["--header", "Content-Length: 4000000", "--header", "Transfer-Encoding:"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&[0; 1_000_000]).unwrap();
    let line = server.line();
    assert!(line.starts_with("slow ") && line.ends_with(" of 3.8 MiB\n"), "{line:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    loop {
        let line = server.line();
        if line.contains(": ") {
            assert!(line.starts_with("slow: failed after "), "{line:?}");
            break;
        }
    }
}

/// `script` runs the server on a terminal of its own, and copies what that shows.
#[test]
fn progress_is_one_line_on_a_terminal() {
    let folder = Folder::new();
    let program = example("upload").get_program().to_str().unwrap().to_owned();
    let line = format!("{program} --addr 127.0.0.1:0 {}", folder.path().display());
    let mut command = Command::new("script");
    let log = folder.join(".log");
    command.args(["--quiet", "--flush", "--command", &line, log.to_str().unwrap()]);
    let mut server = Server::spawn(command.stdin(Stdio::piped()));
    assert_eq!(put_pattern(&server, "/wide%1b%5b2J", 4 * MIB, true).status, 400);
    assert_eq!(put_pattern(&server, "/wide", 4 * MIB, true).status, 201);
    // Up to the line break are the drawings; each but the last begins at the left and clears what was there.
    let line = loop {
        let line = server.line();
        if line.contains("wide: ") {
            break line;
        }
    };
    let drawings: Vec<_> = line.trim_end().split('\r').filter(|d| !d.is_empty()).collect();
    assert!(drawings.iter().all(|drawing| drawing.ends_with("\x1b[K")), "{line:?}");
    let (last, before) = drawings.split_last().unwrap();
    assert!(last.starts_with("wide: 4.0 MiB in "), "{line:?}");
    for drawing in before {
        assert!(*drawing == "\x1b[K" || drawing.contains(" %, "), "{line:?}");
    }
    fs::remove_file(log).unwrap();
}

fn output(args: &[&str]) -> Output {
    example("upload").args(args).output().unwrap()
}

#[test]
fn the_command_line() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("usage: upload "));
    for args in [
        &[][..],
        &["a", "b"],
        &["--limit", "1X", "."],
        &["--limit", "-1", "."],
        &["--limit", "+1", "."],
        &["--limit", "", "."],
        &["--limit", "99999999999T", "."],
        &["--workers", "0", "."],
        &["--backend", "blue", "."],
        &["--overwrite=yes", "."],
        &["--port", "80", "."],
        &["--addr"],
    ] {
        let refused = output(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(
            stderr.contains("usage: upload ") && refused.stdout.is_empty(),
            "{args:?}: {stderr}"
        );
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::new();
    let file = folder.write("file", "").to_str().unwrap().to_owned();
    for (args, named) in [
        (vec!["--addr", &address, folder.path().to_str().unwrap()], &*address),
        (vec!["/no/such/folder"], "/no/such/folder"),
        (vec![&*file], &*file),
    ] {
        let failed = output(&args);
        assert_eq!(failed.status.code(), Some(1), "{args:?}");
        let stderr = String::from_utf8(failed.stderr).unwrap();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("upload: ") && stderr.contains(named), "{stderr}");
    }
}
