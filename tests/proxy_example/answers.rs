//! Answers of every kind, and what the proxy adds to a message and takes off it.

use std::sync::mpsc::channel;

use crate::harness::{Program, example, parts, says, server, stdout};

#[test]
fn another_example_behind_it() {
    let behind =
        Program::start(example("server").args(["--addr", "127.0.0.1:0", "--delay", "1ms"]));
    let proxy = Program::proxy(&behind.address, &[]);
    for (path, args, expected) in [
        ("/", &[][..], "Hello, World!"),
        ("/resource/a%20b?c=d", &[], "\"dummy_result_id_a b\""),
        ("/", &["--http1.0"], "Hello, World!"),
        ("/nowhere", &[], "Not Found"),
        ("/", &["--data", "x=y"], "Method Not Allowed"),
        ("/", &["--head", "--output", "/dev/null", "--write-out", "%{http_code}"], "200"),
        ("/", &["--header", "Connection: close"], "Hello, World!"),
    ] {
        assert_eq!(stdout(&proxy.curl(path, args)), expected, "{path} {args:?}");
    }
    let many: Vec<String> =
        (0..50).map(|n| format!("http://{}/resource/{n}", proxy.address)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let expected: String = (0..51).map(|n| format!("\"dummy_result_id_{}\"", n % 50)).collect();
    let mut args = vec!["--parallel-immediate"];
    args.extend(&many[..]);
    assert_eq!(stdout(&proxy.curl("/resource/0", &args[1..])), expected);
    let ends: Vec<_> = std::thread::scope(|s| {
        let clients: Vec<_> =
            (0..8).map(|_| s.spawn(|| stdout(&proxy.curl("/resources", &[])))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert!(ends.iter().all(|end| end.starts_with("[\"dummy_result_id_1\"")), "{ends:?}");
}

#[test]
fn requests_as_the_server_gets_them() {
    let (tell, told) = channel();
    let to = server(move |mut peer, _| {
        tell.send(peer.head()).unwrap();
        peer.answer("");
    });
    let proxy = Program::proxy(to, &[]);
    proxy.exchange(
        "GET /a/../b?c HTTP/1.1\r\nHost: example.org\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\
         Accept: */*\r\nTE: trailers\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n",
    );
    assert_eq!(
        told.recv().unwrap(),
        "GET /a/../b?c HTTP/1.1\r\nhost: example.org\r\nAccept: */*\r\nvia: 1.1 greenwood\r\n\
         x-forwarded-for: 10.0.0.1, 127.0.0.1\r\nx-forwarded-proto: http\r\n\
         x-forwarded-host: example.org\r\n\r\n"
    );
    proxy.exchange("OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 1\r\nConnection: close\r\n\r\n");
    let head = told.recv().unwrap();
    assert!(head.starts_with("OPTIONS * HTTP/1.1\r\n") && head.contains("\r\nMax-Forwards: 0\r\n"));
    let answer = proxy
        .exchange("OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(told.try_recv().is_err());
}

#[test]
fn answers_as_the_client_gets_them() {
    for (sent, status, body) in [
        ("200 OK\r\nContent-Length: 2\r\n\r\nhi", "200 OK", "hi"),
        ("200 OK\r\n\r\nuntil the end", "200 OK", "until the end"),
        (
            "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n4;x=y\r\n you\r\n0\r\nT: x\r\n\r\n",
            "404 Not Found",
            "hi you",
        ),
        ("204 No Content\r\nContent-Length: 2\r\n\r\n", "204 No Content", ""),
        ("304 Not Modified\r\nETag: \"x\"\r\n\r\n", "304 Not Modified", ""),
        ("200 OK\r\nContent-Length: 0\r\n\r\nnot asked for", "200 OK", ""),
    ] {
        let to = says(&format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 {sent}"
        ));
        let proxy = Program::proxy(to, &[]);
        // To HTTP/1.0 the end of the connection is the end of what has no length.
        let answer = proxy.exchange("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
        assert_eq!((parts(&answer).0, parts(&answer).2), (status, body), "{sent}");
        assert!(answer.contains("\r\nvia: 1.1 greenwood\r\n"), "{answer}");
        let output = proxy.curl("/", &["--include"]);
        let answer = stdout(&output);
        assert_eq!((parts(&answer).0, parts(&answer).2), (status, body), "{sent}");
    }
}

#[test]
fn fields_of_answers() {
    let to = says(
        "HTTP/1.1 200 OK\r\nConnection: Keep-Alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n\
         Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nVia: 1.0 fred\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Server: behind\r\nContent-Length: 2\r\n\r\nhi",
    );
    let proxy = Program::proxy(to, &[]);
    let answer = proxy.get("/");
    assert_eq!(
        answer,
        "HTTP/1.1 200 OK\r\nset-cookie: a=b\r\nset-cookie: c=d\r\nvia: 1.0 fred\r\n\
         date: Sun, 06 Nov 1994 08:49:37 GMT\r\nserver: behind\r\nvia: 1.1 greenwood\r\n\
         content-length: 2\r\nconnection: close\r\n\r\nhi"
    );
}

#[test]
fn an_answer_to_head_says_what_the_server_says() {
    for (fields, expected) in [
        ("Content-Length: 1234567\r\n", "content-length: 1234567"),
        ("Transfer-Encoding: chunked\r\n", "transfer-encoding: chunked"),
    ] {
        let proxy = Program::proxy(says(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")), &[]);
        let answer = proxy.exchange("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        assert_eq!(parts(&answer).2, "");
        assert!(answer.contains(expected), "{answer}");
    }
}
