//! What browsers are told about requests from other origins.

mod support;

use std::time::Duration;

use greenwood_http::http::{HeaderValue, Method, header};
use greenwood_http::middleware::Cors;
use greenwood_http::{IntoResponse, Router, Server};
use support::TestServer;

fn serve(cors: Cors) -> TestServer {
    let varied =
        || "x".into_response().with_header(header::VARY, HeaderValue::from_static("accept"));
    let router = Router::new().get("/", varied).options("/own", || "own").with(cors);
    TestServer::serving(Server::builder(), router.build().unwrap())
}

/// The status, and the fields of CORS and `Vary`, by a request with these fields.
fn told(server: &TestServer, line: &str, fields: &str) -> (u16, Vec<String>) {
    let answer = server.exchange(&[format!("{line} HTTP/1.0\r\n{fields}\r\n").as_bytes()]);
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let lines = head.lines().skip(1).map(|line| line.replace("access-control-", ""));
    let told = lines.filter(|line| {
        line.starts_with("vary")
            || line.starts_with("allow-")
            || line.starts_with("max-age")
            || line.starts_with("expose")
    });
    (head[9..12].parse().unwrap(), told.collect())
}

fn check(server: &TestServer, line: &str, fields: &str, status: u16, expected: &[&str]) {
    let told = told(server, line, fields);
    assert_eq!(
        (told.0, told.1.iter().map(|s| &**s).collect::<Vec<_>>()),
        (status, expected.to_vec()),
        "{line} {fields}"
    );
}

const PREFLIGHT: &str =
    "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x\r\n";

#[test]
fn named_origins() {
    let server = serve(
        Cors::origins(["https://a.example", "http://B.example:81/", "null"])
            .methods([Method::GET, Method::PUT])
            .headers([header::CONTENT_TYPE, header::AUTHORIZATION])
            .expose([header::ETAG])
            .credentials()
            .max_age(Duration::from_millis(3_600_999)),
    );
    let from = |origin: &str| format!("Origin: {origin}\r\n");
    for origin in ["https://a.example", "http://b.example:81", "null"] {
        let allowed = format!("allow-origin: {origin}");
        let expected = [
            "vary: accept",
            "vary: origin",
            &allowed,
            "allow-credentials: true",
            "expose-headers: etag",
        ];
        check(&server, "GET /", &from(origin), 200, &expected);
        let expected = [
            "vary: origin",
            &allowed,
            "allow-credentials: true",
            "allow-methods: GET, PUT",
            "allow-headers: content-type, authorization",
            "max-age: 3600",
        ];
        for path in ["/", "/own", "/none"] {
            check(&server, &format!("OPTIONS {path}"), &(from(origin) + PREFLIGHT), 204, &expected);
        }
        // Also what is no answer of a handler's.
        check(
            &server,
            "GET /none",
            &from(origin),
            404,
            &["vary: origin", &allowed, "allow-credentials: true", "expose-headers: etag"],
        );
    }
    for fields in [
        String::new(),
        from("http://a.example"),
        from("https://a.example:443"),
        from("https://a.example.evil"),
        from("https://evil-a.example"),
        from("https://a.example/"),
        from(""),
        from("https://a.example, https://a.example"),
        from("https://a.example") + &from("https://a.example"),
    ] {
        check(&server, "GET /", &fields, 200, &["vary: accept", "vary: origin"]);
    }
    check(&server, "OPTIONS /", &(from("https://evil") + PREFLIGHT), 204, &["vary: origin"]);
    // No preflight: goes on to the route.
    check(&server, "OPTIONS /own", &from("https://evil"), 200, &["vary: origin"]);
    check(&server, "OPTIONS /own", PREFLIGHT, 200, &["vary: origin"]);
}

#[test]
fn any_origin_never_comes_with_credentials() {
    let server = serve(Cors::any_origin().credentials());
    check(&server, "GET /", "Origin: https://a\r\n", 200, &["vary: accept", "allow-origin: *"]);
    let preflight = format!("Origin: null\r\n{PREFLIGHT}");
    check(
        &server,
        "OPTIONS /",
        &preflight,
        204,
        &["allow-origin: *", "allow-methods: GET, HEAD, POST"],
    );
    check(&server, "GET /", "", 200, &["vary: accept"]);
}

#[test]
fn a_predicate_chooses() {
    let server = serve(Cors::origins_matching(|origin| origin.ends_with(".example")).credentials());
    let allowed = [
        "vary: accept",
        "vary: origin",
        "allow-origin: https://x.example",
        "allow-credentials: true",
    ];
    check(&server, "GET /", "Origin: https://x.example\r\n", 200, &allowed);
    check(
        &server,
        "GET /",
        "Origin: https://x.example.org\r\n",
        200,
        &["vary: accept", "vary: origin"],
    );
}
