//! `examples/files.rs`, run as a program and used with curl.

mod support;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::Output;

use support::{Answer, BLOCK, Folder, Server, answer, curl, example, holds_pattern, pattern};

/// Long enough to take several seconds at a rate that curl is held to.
const LONG: u64 = 40 << 20;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("root/index.html", "<p>welcome\n");
    folder.write("root/notes.txt", "0123456789");
    folder.write("root/sub/a.txt", "a");
    folder.write("root/private/plan.txt", "the plan");
    folder.write("root/private/deeper/x.txt", "x");
    folder.write("root/.secret", "hidden");
    folder.write("passwords", "ada:love lace\nbob:b:c\n\nnobody\n");
    folder.write("few", "ada:love lace\n");
    folder.write("outside", "outside");
    folder
}

fn with_long_file() -> Folder {
    let folder = folder();
    let mut long = fs::File::create(folder.join("root/long.bin")).unwrap();
    let mut bytes = vec![0; BLOCK];
    for number in 0..LONG / BLOCK as u64 {
        pattern(number, &mut bytes);
        long.write_all(&bytes).unwrap();
    }
    folder
}

fn start(folder: &Folder, args: &[&str]) -> Server {
    let mut command = example("files");
    command.args(["--addr", "127.0.0.1:0"]).args(args).arg(folder.join("root"));
    Server::spawn(&mut command)
}

fn is(status: u32, text: &str) -> Answer {
    Answer { status, text: text.to_owned() }
}

const NONE: [&str; 0] = [];

#[test]
fn files_are_served() {
    let folder = folder();
    for backend in ["green", "threads"] {
        let server = start(&folder, &["--backend", backend]);
        assert_eq!(server.curl("/", NONE), is(200, "<p>welcome\n"));
        assert_eq!(server.curl("/notes.txt?query", NONE), is(200, "0123456789"));
        assert_eq!(server.curl("/notes.txt", ["--range", "2-4"]), is(206, "234"));
        assert_eq!(server.curl("/notes.txt", ["--range", "-3"]), is(206, "789"));
        assert_eq!(server.curl("/notes.txt", ["--range", "10-"]).status, 416);
        let parts = server.curl("/notes.txt", ["--range", "0-1,8-"]);
        assert_eq!(parts.status, 206);
        assert!(parts.text.contains("bytes 0-1/10") && parts.text.contains("bytes 8-9/10"));
        let head = server.curl("/notes.txt", ["--head"]);
        assert_eq!(head.status, 200);
        assert!(head.text.contains("content-length: 10\r\n") && head.text.ends_with("\r\n\r\n"));
        assert_eq!(server.curl("/notes.txt", ["--data", "x"]).status, 405);
        assert_eq!(server.curl("/sub", NONE).status, 301);
        assert_eq!(server.curl("/sub", ["--location"]).status, 404);
        assert_eq!(server.curl("/sub/a.txt", NONE), is(200, "a"));
    }
    let server = start(&folder, &["--listing"]);
    let listing = server.curl("/sub", ["--location"]);
    assert_eq!(listing.status, 200);
    assert!(listing.text.contains("<a href=\"./a.txt\">a.txt</a>"), "{}", listing.text);
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let folder = folder();
    let server = start(&folder, &[]);
    let tags = folder.join("tags");
    let save = ["--etag-save", tags.to_str().unwrap()];
    let compare = ["--etag-compare", tags.to_str().unwrap()];
    assert_eq!(server.curl("/notes.txt", save), is(200, "0123456789"));
    assert_eq!(server.curl("/notes.txt", compare), is(304, ""));
    fs::write(folder.join("new"), "9876543210").unwrap();
    fs::rename(folder.join("new"), folder.join("root/notes.txt")).unwrap();
    assert_eq!(server.curl("/notes.txt", compare), is(200, "9876543210"));
}

#[test]
fn long_downloads_arrive_and_resume() {
    let folder = with_long_file();
    for backend in ["green", "threads"] {
        let server = start(&folder, &["--backend", backend]);
        let to = folder.join("received");
        let to_arg = to.to_str().unwrap();
        assert_eq!(server.curl("/long.bin", ["--output", to_arg]).status, 200);
        assert!(holds_pattern(&to, LONG));
        for have in [1, 5_000_003, LONG - 1] {
            fs::File::options().write(true).open(&to).unwrap().set_len(have).unwrap();
            let resumed = server.curl("/long.bin", ["--continue-at", "-", "--output", to_arg]);
            assert_eq!(resumed.status, 206);
            assert!(holds_pattern(&to, LONG));
        }
    }
}

#[test]
fn nothing_outside_is_served() {
    let folder = folder();
    let server = start(&folder, &["--listing"]);
    for path in [
        "/../outside",
        "/sub/../../outside",
        "/%2e%2e/outside",
        "/..%2foutside",
        "/%2e%2e%2foutside",
        "/..%5coutside",
        "/%252e%252e/outside",
        "/..%00/outside",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/.secret",
        "/%2esecret",
    ] {
        assert_eq!(server.curl(path, ["--path-as-is"]), is(404, "Not Found"), "{path}");
    }
}

#[test]
fn protected_folders_ask_for_a_password() {
    let folder = folder();
    let passwords = folder.join("passwords");
    let few = folder.join("few");
    let private = format!("private={}", passwords.display());
    let deeper = format!("/private/deeper/={}", few.display());
    let args = ["--listing", "--protect", &private, "--protect", &deeper];
    let server = start(&folder, &args);
    let user = |user| ["--user", user];
    assert_eq!(server.curl("/notes.txt", NONE), is(200, "0123456789"));
    assert_eq!(server.curl("/private/plan.txt", user("ada:love lace")), is(200, "the plan"));
    assert_eq!(server.curl("/private/plan.txt", user("bob:b:c")), is(200, "the plan"));
    assert_eq!(server.curl("/private/", user("bob:b:c")).status, 200);
    assert_eq!(server.curl("/private/deeper/x.txt", user("ada:love lace")), is(200, "x"));
    for wrong in
        ["ada:love", "ada:love lace ", "Ada:love lace", "bob:b", "nobody:", ":", "ada:", "x:y"]
    {
        assert_eq!(server.curl("/private/plan.txt", user(wrong)).status, 401, "{wrong}");
    }
    assert_eq!(server.curl("/private/deeper/x.txt", user("bob:b:c")).status, 401);
    let asked = server.curl("/private/plan.txt", ["--include"]);
    assert_eq!(asked.status, 401);
    assert!(asked.text.contains("www-authenticate: Basic realm="), "{}", asked.text);
    let mut head = server.curl("/private/plan.txt", ["--include", "--user", "ada:love lace"]).text;
    head.truncate(head.find("\r\n\r\n").unwrap());
    assert!(head.contains("cache-control: private"), "{head}");
    // Other spellings of the path, and credentials that are none.
    for path in [
        "/private",
        "/private/",
        "/%70rivate/plan.txt",
        "/private%2fplan.txt",
        "//private/plan.txt",
        "/./private/plan.txt",
        "/sub/../private/plan.txt",
        "/private/none",
    ] {
        let answer = server.curl(path, ["--path-as-is"]);
        assert!(matches!(answer.status, 401 | 404), "{path}: {answer:?}");
        assert!(!answer.text.contains("plan"), "{path}: {answer:?}");
    }
    for credentials in ["Basic", "Basic ", "Basic !!!!", "Bearer YWRhOmxvdmUgbGFjZQ==", "\u{e9}"] {
        let field = format!("Authorization: {credentials}");
        assert_eq!(server.curl("/private/plan.txt", ["--header", &field]).status, 401, "{field}");
    }
}

/// The connection is held for as long as the answer takes; an idle one is not waited for.
#[test]
fn ctrl_c_lets_downloads_finish() {
    let folder = with_long_file();
    let server = start(&folder, &[]);
    let to = folder.join("received");
    let mut slow =
        curl(&server.url("/long.bin"), ["--limit-rate", "20M", "--output", to.to_str().unwrap()]);
    let slow = slow.stdout(std::process::Stdio::piped()).spawn().unwrap();
    while !to.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    server.signal("-INT");
    let (status, rest) = server.exit();
    assert_eq!((status.code(), &*rest), (Some(0), ""));
    assert_eq!(answer(&slow.wait_with_output().unwrap()).status, 200);
    assert!(holds_pattern(&to, LONG));
}

fn output(args: &[&str]) -> Output {
    example("files").args(args).output().unwrap()
}

#[test]
fn the_command_line() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().starts_with("usage: files "));
    for args in [
        &[][..],
        &["a", "b"],
        &["--protect", "x", "."],
        &["--protect", "x=", "."],
        &["--workers", "0", "."],
        &["--workers=+1", "."],
        &["--backend", "blue", "."],
        &["--listing=yes", "."],
        &["--port", "80", "."],
        &["--addr"],
    ] {
        let refused = output(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(
            stderr.contains("usage: files ") && refused.stdout.is_empty(),
            "{args:?}: {stderr}"
        );
    }
}

#[test]
fn what_is_wrong_is_one_clear_line() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let root = folder.join("root").to_str().unwrap().to_owned();
    let passwords = folder.join("passwords").to_str().unwrap().to_owned();
    for (args, named) in [
        (vec!["--addr", &address, &root], &*address),
        (vec!["/no/such/folder"], "/no/such/folder"),
        (vec![&*passwords], &*passwords),
        (vec!["--protect", "private=/no/such/file", &root], "/no/such/file"),
        (vec!["--protect", &format!("privat={passwords}"), &root], "privat"),
    ] {
        let failed = example("files").args(&args).output().unwrap();
        assert_eq!(failed.status.code(), Some(1), "{args:?}");
        let stderr = String::from_utf8(failed.stderr).unwrap();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("files: ") && stderr.contains(named), "{stderr}");
    }
}
