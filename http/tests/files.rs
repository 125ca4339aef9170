//! Files as answers: which bytes of them, under which conditions, and which never.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use greenwood_http::files::{Dir, File, FilePath};
use greenwood_http::http::StatusCode;
use greenwood_http::{IntoResponse, Request, Response, Router, Server};
use support::folder::Folder;
use support::{BACKENDS, TestServer, WATCHDOG, text};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn serve(dir: Dir) -> impl Fn(&mut Request<'_>) -> Response + Send + Sync + 'static {
    move |request: &mut Request<'_>| match FilePath::decode(request.path()) {
        Ok(path) => dir.respond(request, &path),
        Err(invalid) => invalid.into_response(),
    }
}

/// The answer to one request, without `Date`.
fn ask(server: &TestServer, method: &str, path: &str, fields: &str) -> String {
    let raw = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n");
    server.exchange(&[raw.as_bytes()]).replacen("connection: close\r\n", "", 1)
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn status(answer: &str) -> &str {
    &answer["HTTP/1.1 ".len()..][..3]
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// The entity tag of a file that rests: one that has just been changed has a weak one.
fn strong_tag(server: &TestServer, path: &str) -> String {
    let deadline = Instant::now() + WATCHDOG;
    loop {
        let tag = field(&ask(server, "HEAD", path, ""), "etag").unwrap().to_owned();
        if let Some(opaque) = tag.strip_prefix("W/") {
            assert!(opaque.starts_with('"') && Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(50));
            continue;
        }
        return tag;
    }
}

#[test]
fn a_file_with_its_fields() {
    let folder = Folder::new();
    folder.write("a/hello world.txt", "hello");
    folder.write("empty", "");
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let server = TestServer::with(Server::builder().backend(backend), handler);
        let get = ask(&server, "GET", "/a/hello%20world.txt?x=y", "");
        let tag = field(&get, "etag").unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n\
             accept-ranges: bytes\r\netag: {tag}\r\nlast-modified: {DATE}\r\ncontent-length: 5\r\n\r\n"
        );
        assert_eq!(get, format!("{head}hello"));
        let get_head = ask(&server, "HEAD", "/a/hello%20world.txt", "");
        assert_eq!(get_head.replace("etag: W/", "etag: "), head.replace("etag: W/", "etag: "));
        let empty = ask(&server, "GET", "/empty", "");
        assert_eq!((field(&empty, "content-length"), body(&empty)), (Some("0"), ""));
        assert_eq!(field(&empty, "content-type"), Some("application/octet-stream"));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "get"] {
            let refused = ask(&server, method, "/a/hello%20world.txt", "");
            assert_eq!((status(&refused), field(&refused, "allow")), ("405", Some("GET, HEAD")));
        }
    }
}

#[test]
fn conditions() {
    let folder = Folder::new();
    folder.write("f.txt", "hello");
    let server = TestServer::start(serve(Dir::new(folder.path()).unwrap()));
    let tag = strong_tag(&server, "/f.txt");
    let get = |fields: &str| ask(&server, "GET", "/f.txt", fields);

    let unchanged = format!("HTTP/1.1 304 Not Modified\r\netag: {tag}\r\n\r\n");
    assert_eq!(get(&format!("If-None-Match: \"x\", {tag}\r\n")), unchanged);
    assert_eq!(get(&format!("If-Modified-Since: {DATE}\r\n")), unchanged);
    let head = ask(&server, "HEAD", "/f.txt", &format!("If-None-Match: W/{tag}\r\n"));
    assert_eq!(head, unchanged);

    let failed = text("412 Precondition Failed", "Precondition Failed");
    assert_eq!(get("If-Match: \"x\"\r\n"), failed);
    assert_eq!(
        get("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\nRange: bytes=0-1\r\n"),
        failed
    );

    let range = |field: &str| {
        let answer = get(&format!("Range: bytes=1-2\r\nIf-Range: {field}\r\n"));
        (status(&answer).to_owned(), body(&answer).to_owned())
    };
    let (part, whole) = (("206".into(), "el".into()), ("200".into(), "hello".into()));
    assert_eq!(range(&tag), part);
    assert_eq!(range(DATE), part);
    assert_eq!(range(&format!("W/{tag}")), whole);
    assert_eq!(range("\"x\""), whole);
    assert_eq!(range("Sun, 06 Nov 1994 08:49:38 GMT"), whole);

    // Another file of the same length and date under the same name.
    folder.write("new", "hallo");
    fs::rename(folder.join("new"), folder.join("f.txt")).unwrap();
    assert_eq!(range(&tag), ("200".into(), "hallo".into()));
    assert_eq!(status(&get(&format!("If-None-Match: {tag}\r\n"))), "200");
    // Nothing is conditional about a file that is not there.
    assert_eq!(status(&ask(&server, "GET", "/no", "If-None-Match: *\r\n")), "404");
    assert_eq!(status(&ask(&server, "PUT", "/f.txt", "If-None-Match: *\r\n")), "405");
}

#[test]
fn ranges() {
    let folder = Folder::new();
    folder.write("f.txt", "0123456789");
    folder.write("empty", "");
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let server = TestServer::with(Server::builder().backend(backend), handler);
        for (range, content_range, bytes) in [
            ("0-0", "bytes 0-0/10", "0"),
            ("2-4", "bytes 2-4/10", "234"),
            ("8-", "bytes 8-9/10", "89"),
            ("-3", "bytes 7-9/10", "789"),
            ("0-99999999999999999999", "bytes 0-9/10", "0123456789"),
            ("1-3,2-6", "bytes 1-6/10", "123456"),
            ("20-,4-4", "bytes 4-4/10", "4"),
        ] {
            let answer = ask(&server, "GET", "/f.txt", &format!("Range: bytes={range}\r\n"));
            let length = bytes.len().to_string();
            assert_eq!((status(&answer), body(&answer)), ("206", bytes), "{range}");
            assert_eq!(field(&answer, "content-range"), Some(content_range));
            assert_eq!(field(&answer, "content-length"), Some(&*length));
            assert_eq!(field(&answer, "content-type"), Some("text/plain; charset=utf-8"));
            assert!(field(&answer, "etag").is_some() && field(&answer, "last-modified").is_some());
        }
        for range in ["10-", "-0", "10-20,30-"] {
            let answer = ask(&server, "GET", "/f.txt", &format!("Range: bytes={range}\r\n"));
            assert_eq!(status(&answer), "416", "{range}");
            assert_eq!(field(&answer, "content-range"), Some("bytes */10"));
        }
        let answer = ask(&server, "GET", "/empty", "Range: bytes=0-\r\n");
        assert_eq!((status(&answer), field(&answer, "content-range")), ("416", Some("bytes */0")));
        let many = format!("Range: bytes={}\r\n", "1-1,".repeat(1000));
        for ignored in [
            "Range: bytes=4-2\r\n",
            "Range: bytes=a-b\r\n",
            "Range: lines=1-2\r\n",
            "Range: bytes=+1-2\r\n",
            "Range: bytes=1-2\r\nRange: bytes=3-4\r\n",
            &many,
        ] {
            let answer = ask(&server, "GET", "/f.txt", ignored);
            assert_eq!((status(&answer), body(&answer)), ("200", "0123456789"), "{ignored}");
            assert_eq!(field(&answer, "content-range"), None);
        }
        let head = ask(&server, "HEAD", "/f.txt", "Range: bytes=2-4\r\n");
        assert_eq!((status(&head), field(&head, "content-length")), ("200", Some("10")));
    }
}

#[test]
fn several_ranges_are_parts() {
    let folder = Folder::new();
    folder.write("f.txt", "0123456789");
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.path()).unwrap());
        let server = TestServer::with(Server::builder().backend(backend), handler);
        let get = || ask(&server, "GET", "/f.txt", "Range: bytes=8-, 0-1 ,4-4\r\n");
        let answer = get();
        let boundary = field(&answer, "content-type")
            .and_then(|value| value.strip_prefix("multipart/byteranges; boundary="))
            .unwrap();
        let part = |range: &str, bytes: &str| {
            format!(
                "--{boundary}\r\ncontent-type: text/plain; charset=utf-8\r\n\
                 content-range: bytes {range}/10\r\n\r\n{bytes}\r\n"
            )
        };
        let parts = part("8-9", "89") + &part("0-1", "01") + &part("4-4", "4");
        assert_eq!(status(&answer), "206");
        assert_eq!(body(&answer), format!("{parts}--{boundary}--\r\n"));
        assert_eq!(field(&answer, "content-length"), Some(&*body(&answer).len().to_string()));
        assert_eq!(field(&answer, "content-range"), None);
        assert!(!get().contains(boundary), "nobody can know it beforehand");
    }
}

#[test]
fn nothing_outside_is_found() {
    let folder = Folder::new();
    folder.write("secret", "secret");
    folder.write("root/in/file", "inside");
    folder.write("root/%2e%2e", "a strange name");
    folder.write("root/.hidden", "hidden");
    folder.write("root/.git/config", "hidden");
    symlink("in/file", folder.join("root/link")).unwrap();
    symlink("../secret", folder.join("root/out")).unwrap();
    symlink(folder.join("secret"), folder.join("root/absolute")).unwrap();
    symlink("..", folder.join("root/up")).unwrap();
    symlink("self", folder.join("root/self")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.join("root/fifo"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(folder.join("root/socket")).unwrap();
    let long = format!("/{}", "n".repeat(300));
    for backend in BACKENDS {
        let handler = serve(Dir::new(folder.join("root")).unwrap());
        let server = TestServer::with(Server::builder().backend(backend), handler);
        assert_eq!(body(&ask(&server, "GET", "/link", "")), "inside");
        assert_eq!(body(&ask(&server, "GET", "/%252e%252e", "")), "a strange name");
        for path in [
            "/../secret",
            "/in/../../secret",
            "/..%2fsecret",
            "/%2e%2e/secret",
            "/%2e%2e%2fsecret",
            "/%2E%2E%2Fsecret",
            "/.%2e/secret",
            "/in/%2e%2e/%2e%2e/secret",
            "/..%5csecret",
            "/..%5Csecret",
            "/in%2f..%2f..%2fsecret",
            "/%252e%252e/secret",
            "/%c0%ae%c0%ae/secret",
            "/..%00/secret",
            "/in/file%00",
            "/in/file%00.png",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/%2f%2fetc%2fpasswd",
            "/in//file",
            "/./in/file",
            "/in/./file",
            "/in/x/../file",
            "/in%2ffile",
            "/in/file/",
            "/in/file/x",
            "/out",
            "/absolute",
            "/up/secret",
            "/up/root/in/file",
            "/self",
            "/fifo",
            "/socket",
            "/.hidden",
            "/%2ehidden",
            "/.git/config",
            "/.git/",
            "/in/",
            "/%",
            "/%ff",
            &long,
        ] {
            let answer = ask(&server, "GET", path, "");
            assert_eq!(answer, text("404 Not Found", "Not Found"), "{path}");
        }
    }
    let server =
        TestServer::start(serve(Dir::new(folder.join("root")).unwrap().hidden_files(true)));
    assert_eq!(body(&ask(&server, "GET", "/.git/config", "")), "hidden");
    assert_eq!(status(&ask(&server, "GET", "/../secret", "")), "404");
}

#[test]
fn directories() {
    let folder = Folder::new();
    folder.write("index.html", "<p>top");
    folder.write("a/index.html", "<p>a");
    folder.write("b/<i>.txt", "x");
    folder.write("b/.hidden", "x");
    fs::create_dir(folder.join("b/c d")).unwrap();
    fs::create_dir_all(folder.join("d/index.html")).unwrap();
    fs::create_dir_all(folder.join("evil.com")).unwrap();
    for backend in BACKENDS {
        let dir = Dir::new(folder.path()).unwrap();
        let builder = || Server::builder().backend(backend);
        let server = TestServer::with(builder(), serve(dir.clone()));
        for (path, content) in [("/", "<p>top"), ("/a/", "<p>a"), ("/a/index.html", "<p>a")] {
            let answer = ask(&server, "GET", path, "");
            assert_eq!(body(&answer), content);
            assert_eq!(field(&answer, "content-type"), Some("text/html; charset=utf-8"));
        }
        for (path, location) in
            [("/a", "./a/"), ("/b/c%20d?q=/../x&y", "./c%20d/?q=/../x&y"), ("/%61", "./%61/")]
        {
            let answer = ask(&server, "GET", path, "");
            assert_eq!((status(&answer), field(&answer, "location")), ("301", Some(location)));
        }
        for path in ["/b/", "/d/", "//evil.com", "//evil.com/", "/b/c%20d/"] {
            assert_eq!(status(&ask(&server, "GET", path, "")), "404", "{path}");
        }

        let server = TestServer::with(builder(), serve(dir.listing(true)));
        let answer = ask(&server, "GET", "/b/", "");
        assert_eq!(status(&answer), "200");
        let links: Vec<_> = body(&answer).lines().filter(|l| l.starts_with("<li>")).collect();
        assert_eq!(
            links,
            [
                "<li><a href=\"./../\">../</a>",
                "<li><a href=\"./%3Ci%3E.txt\">&lt;i&gt;.txt</a>",
                "<li><a href=\"./c%20d/\">c d/</a>",
            ]
        );
        assert_eq!(body(&ask(&server, "GET", "/", "")), "<p>top");
    }
}

/// The redirection to the slash stays on this host, whatever a handler makes of the path.
#[test]
fn redirections_stay_here() {
    let folder = Folder::new();
    fs::create_dir(folder.join("sub")).unwrap();
    let dir = Dir::new(folder.path()).unwrap();
    let sub = FilePath::decode("sub").unwrap();
    let server = TestServer::start(move |request: &mut Request<'_>| dir.respond(request, &sub));
    for (path, location) in [
        ("//evil.com", "./evil.com/"),
        ("///evil.com", "./evil.com/"),
        ("/http:evil.com", "./http:evil.com/"),
        ("/x/%2f%2fevil.com", "./%2f%2fevil.com/"),
        ("http://h//evil.com", "./evil.com/"),
        ("/?//evil.com", ""),
    ] {
        let answer = ask(&server, "GET", path, "");
        let expected = if location.is_empty() { ("404", None) } else { ("301", Some(location)) };
        assert_eq!((status(&answer), field(&answer, "location")), expected, "{path}");
    }
}

#[test]
fn a_handler_decides_first() {
    let folder = Folder::new();
    folder.write("public/x", "for all");
    folder.write("private/x", "for some");
    let dir = Dir::new(folder.path()).unwrap();
    let server = TestServer::start(move |request: &mut Request<'_>| {
        let Ok(path) = FilePath::decode(request.path()) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let allowed = request.headers().get("authorization") == Some(b"Bearer secret");
        if path.starts_with("private") && !allowed {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        dir.respond(request, &path)
    });
    assert_eq!(body(&ask(&server, "GET", "/public/x", "")), "for all");
    let allowed = ask(&server, "GET", "/private/x", "Authorization: Bearer secret\r\n");
    assert_eq!(body(&allowed), "for some");
    for path in [
        "/private/x",
        "/%70rivate/x",
        "/private%2fx",
        "/public/../private/x",
        "//private/x",
        "/./private/x",
    ] {
        let answer = ask(&server, "GET", path, "");
        assert!(matches!(status(&answer), "401" | "404"), "{path}: {answer}");
    }
}

#[test]
fn single_files() {
    let folder = Folder::new();
    let path = folder.write("f.css", "body {}");
    assert!(File::open(folder.path()).is_err());
    assert!(File::open("/dev/null").is_err());
    assert!(File::open(folder.join("no")).is_err());
    for backend in BACKENDS {
        let path = path.clone();
        let server = TestServer::with(
            Server::builder().backend(backend),
            move |request: &mut Request<'_>| {
                let file = match request.path() {
                    "/std" => File::from_std(fs::File::open(&path)?)?,
                    "/own" => File::open(&path)?.with_content_type("text/x".parse().unwrap()),
                    _ => File::open(&path)?,
                };
                assert!(file.len() == 7 && !file.is_empty());
                std::io::Result::Ok(file.respond(request))
            },
        );
        for (path, media_type) in [
            ("/", "text/css; charset=utf-8"),
            ("/std", "application/octet-stream"),
            ("/own", "text/x"),
        ] {
            let answer = ask(&server, "GET", path, "Range: bytes=5-\r\n");
            assert_eq!((status(&answer), body(&answer)), ("206", "{}"));
            assert_eq!(field(&answer, "content-type"), Some(media_type));
        }
    }
}

#[test]
fn routes_lead_to_directories() {
    let folder = Folder::new();
    folder.write("index.html", "<p>top");
    folder.write("a/b c.txt", "b c");
    folder.write("a/index.html", "<p>a");
    folder.write("fallback/x/y", "y");
    let dir = Dir::new(folder.path()).unwrap();
    for backend in BACKENDS {
        let routes = Router::new()
            .get("/static/", dir.clone())
            .get("/static/{*path}", dir.clone())
            .get("/{name}/in/{other}", dir.clone())
            .fallback(Dir::new(folder.join("fallback")).unwrap())
            .build()
            .unwrap();
        let server = TestServer::serving(Server::builder().backend(backend), routes);
        for (path, expected) in [
            ("/static/", "<p>top"),
            ("/static/a/b%20c.txt", "b c"),
            ("/static/a/", "<p>a"),
            ("/x/in/index.html", "<p>top"),
            ("/x/y", "y"),
        ] {
            assert_eq!(body(&ask(&server, "GET", path, "")), expected, "{path}");
        }
        let moved = ask(&server, "GET", "/static/a", "");
        assert_eq!((status(&moved), field(&moved, "location")), ("301", Some("./a/")));
        for path in ["/static/../x", "/static//x/y", "/static/x%2fy", "/static", "/index.html"] {
            assert_eq!(status(&ask(&server, "GET", path, "")), "404", "{path}");
        }
        assert_eq!(status(&ask(&server, "POST", "/static/a/", "")), "405");
        assert_eq!(status(&ask(&server, "POST", "/x/y", "")), "405");
    }
}

/// As deployments do it: the new folder beside the old one, and a link that is renamed.
#[test]
fn a_root_can_be_replaced() {
    let folder = Folder::new();
    folder.write("1/f", "one");
    folder.write("2/f", "two");
    symlink("1", folder.join("current")).unwrap();
    let server = TestServer::start(serve(Dir::new(folder.join("current")).unwrap()));
    assert_eq!(body(&ask(&server, "GET", "/f", "")), "one");
    symlink("2", folder.join("next")).unwrap();
    fs::rename(folder.join("next"), folder.join("current")).unwrap();
    assert_eq!(body(&ask(&server, "GET", "/f", "")), "two");
    assert!(Dir::new(folder.join("3")).is_err());
    assert!(Dir::new(folder.join("1/f")).is_err());
}
