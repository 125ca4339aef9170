//! Routes: which handler answers what.

mod support;

use greenwood_http::http::{Method, StatusCode};
use greenwood_http::middleware::{Next, wrap};
use greenwood_http::router::{RouteError, any, get, on, options};
use greenwood_http::{Handler, IntoResponse, Request, Response, Router, Server};
use support::{BACKENDS, TestServer, closing, text};

fn serve(router: Router) -> TestServer {
    TestServer::serving(Server::builder(), router.build().unwrap())
}

/// Status and body, by a connection of its own.
fn ask(server: &TestServer, line: &str) -> (u16, String) {
    let answer = server.exchange(&[format!("{line} HTTP/1.0\r\n\r\n").as_bytes()]);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn field(server: &TestServer, line: &str, name: &str) -> Option<String> {
    let answer = server.exchange(&[format!("{line} HTTP/1.0\r\n\r\n").as_bytes()]);
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let prefix = format!("{name}: ");
    head.lines().find_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
}

fn params(request: &mut Request<'_>) -> String {
    let all: Vec<_> = request
        .params_raw()
        .map(|(name, raw)| format!("{name}={raw}={}", request.param(name).unwrap()))
        .collect();
    format!("{} {}", request.route().unwrap_or("-"), all.join(","))
}

#[test]
fn paths_are_matched_as_they_were_sent() {
    let server = serve(
        Router::new()
            .get("/", params)
            .get("/a", params)
            .get("/a/{b}", params)
            .get("/a/fixed", params)
            .get("/a/{b}/c", params)
            .get("/img/{name}.png", params)
            .get("/files/{*path}", params)
            .get("/{{brace}}", params)
            .get("/five/{v}/{w}/{x}/{y}/{z}", params),
    );
    for (path, answer) in [
        ("/", "/ "),
        ("/?q", "/ "),
        ("/a", "/a "),
        ("/a/x", "/a/{b} b=x=x"),
        ("/a/fixed", "/a/fixed "),
        ("/a/fixed/c", "/a/{b}/c b=fixed=fixed"),
        ("/a/%2F%C3%A9+", "/a/{b} b=%2F%C3%A9+=/é+"),
        ("/a/..", "/a/{b} b=..=.."),
        ("/a/%66ixed", "/a/{b} b=%66ixed=fixed"),
        ("/img/a.b.png", "/img/{name}.png name=a.b=a.b"),
        ("/files/x", "/files/{*path} path=x=x"),
        ("/files/x//%2e%2E/y/", "/files/{*path} path=x//%2e%2E/y/=x//../y/"),
        ("/files//etc", "/files/{*path} path=/etc=/etc"),
        ("/{brace}", "/{brace} "),
        ("/five/1/2/3/4/5", "/five/{v}/{w}/{x}/{y}/{z} v=1=1,w=2=2,x=3=3,y=4=4,z=5=5"),
        ("http://h/a/x?y", "/a/{b} b=x=x"),
    ] {
        assert_eq!(ask(&server, &format!("GET {path}")), (200, answer.to_owned()), "{path}");
    }
    for path in [
        "/b",
        "/a/",
        "//a",
        "/./a",
        "/x/../a",
        "/%61",
        "/A",
        "/a//c",
        "/a/x/",
        "/a/x/d",
        "/files",
        "/files/",
        "/img/.png",
        "/img/a.gif",
        "/%7Bbrace%7D",
        "//",
    ] {
        assert_eq!(ask(&server, &format!("GET {path}")), (404, "Not Found".to_owned()), "{path}");
    }
    for path in ["/a/%", "/a/%2", "/a/%zz", "/a/%ff", "/files/x/%C3", "/a/%ff/c"] {
        assert_eq!(ask(&server, &format!("GET {path}")).0, 400, "{path}");
    }
}

#[test]
fn methods() {
    let name = |name: &'static str| {
        move |request: &mut Request<'_>| format!("{name} {}", request.method())
    };
    let server = serve(
        Router::new()
            .route("/all", get(name("get")).post(name("post")))
            .put("/all", name("put"))
            .route("/own", on(Method::from_bytes(b"PURGE").unwrap(), name("own")))
            .route("/head", get(name("get")).head(name("head")))
            .route("/any", any(name("any")).delete(name("delete")))
            .route("/options", options(name("options")).patch(name("patch"))),
    );
    for (line, answer) in [
        ("GET /all", "get GET"),
        ("POST /all", "post POST"),
        ("PUT /all", "put PUT"),
        ("PURGE /own", "own PURGE"),
        ("GET /head", "get GET"),
        ("GET /any", "any GET"),
        ("OPTIONS /any", "any OPTIONS"),
        ("BREW /any", "any BREW"),
        ("DELETE /any", "delete DELETE"),
        ("OPTIONS /options", "options OPTIONS"),
        ("PATCH /options", "patch PATCH"),
    ] {
        assert_eq!(ask(&server, line), (200, answer.to_owned()), "{line}");
    }
    for (line, length) in [("HEAD /all", "8"), ("HEAD /head", "9"), ("HEAD /any", "8")] {
        assert_eq!(ask(&server, line), (200, String::new()), "{line}");
        assert_eq!(field(&server, line, "content-length").unwrap(), length);
    }
    for (line, allow) in [
        ("DELETE /all", "GET, HEAD, POST, PUT, OPTIONS"),
        ("get /all", "GET, HEAD, POST, PUT, OPTIONS"),
        ("GET /own", "PURGE, OPTIONS"),
        ("GET /options", "OPTIONS, PATCH"),
    ] {
        assert_eq!(ask(&server, line), (405, "Method Not Allowed".to_owned()), "{line}");
        assert_eq!(field(&server, line, "allow").unwrap(), allow);
    }
    assert_eq!(ask(&server, "HEAD /own"), (405, String::new()));
    for (line, allow) in [
        ("OPTIONS /all", "GET, HEAD, POST, PUT, OPTIONS"),
        ("OPTIONS /own", "PURGE, OPTIONS"),
        ("OPTIONS *", "GET, HEAD, POST, PUT, PURGE, DELETE, OPTIONS, PATCH"),
    ] {
        let raw = format!("{line} HTTP/1.0\r\n\r\n");
        let expected =
            format!("HTTP/1.1 204 No Content\r\nallow: {allow}\r\nconnection: close\r\n\r\n");
        assert_eq!(server.exchange(&[raw.as_bytes()]), expected);
    }
    assert_eq!(ask(&server, "OPTIONS /none").0, 404);
    assert_eq!(ask(&server, "DELETE /none").0, 404);
}

/// Writes its name around what is inside of it.
fn mark(
    name: &'static str,
) -> impl Fn(&mut Request<'_>, Next<'_>) -> Response + Send + Sync + 'static {
    move |request, next| {
        let seen = request.extensions().get::<String>().cloned().unwrap_or_default();
        request.extensions_mut().insert(seen + name);
        next.run(request).with_added_header(
            greenwood_http::http::header::VIA,
            greenwood_http::http::HeaderValue::from_static(name),
        )
    }
}

/// What the middleware before it has left.
fn marks(request: &mut Request<'_>) -> String {
    request.extensions().get::<String>().cloned().unwrap_or_default()
}

#[test]
fn nested_routers_keep_their_middleware_and_fallbacks() {
    let deep =
        Router::new().get("/x", marks).with(mark("d")).fallback(|request: &mut Request<'_>| {
            (StatusCode::NOT_FOUND, "deep ".to_owned() + &marks(request))
        });
    let inner = Router::new()
        .get("/", marks)
        .get("/x", marks)
        .nest("/deep", deep)
        .with(mark("i"))
        .with(mark("j"));
    let plain = Router::new().get("/x/{y}", params);
    let beside = Router::new().get("/beside", marks).post("/x", marks).with(mark("b"));
    let server = serve(
        Router::new()
            .with(mark("1"))
            .nest("/in/{id}", inner)
            .nest("/plain/{p}", plain)
            .get("/x", marks)
            .merge(beside)
            .with(mark("2"))
            .fallback(|request: &mut Request<'_>| {
                (StatusCode::NOT_FOUND, "outer ".to_owned() + &marks(request))
            }),
    );
    for (line, status, answer) in [
        ("GET /x", 200, "12"),
        ("POST /x", 200, "12b"),
        ("GET /beside", 200, "12b"),
        ("GET /in/7", 200, "12ij"),
        ("GET /in/7/x", 200, "12ij"),
        ("GET /in/7/deep/x", 200, "12ijd"),
        ("GET /in/7/", 404, "outer 12ij"),
        ("GET /in/7/none", 404, "outer 12ij"),
        ("GET /in/7/deep", 404, "deep 12ijd"),
        ("GET /in/7/deep/", 404, "deep 12ijd"),
        ("GET /in/7/deep/a/b", 404, "deep 12ijd"),
        ("GET /in/7/deep-not", 404, "outer 12ij"),
        ("GET /in//x", 404, "outer 12"),
        ("GET /in", 404, "outer 12"),
        ("GET /plain/1/none", 404, "outer 12"),
        ("GET /plain/1/x/2", 200, "/plain/{p}/x/{y} p=1=1,y=2=2"),
    ] {
        assert_eq!(ask(&server, line), (status, answer.to_owned()), "{line}");
    }
    // The first added is the outermost: it adds its field last.
    let via = |line: &str| {
        let answer = server.exchange(&[format!("{line} HTTP/1.0\r\n\r\n").as_bytes()]);
        let status = answer[9..12].to_owned();
        status + &answer.lines().filter_map(|line| line.strip_prefix("via: ")).collect::<String>()
    };
    assert_eq!(via("GET /in/7/x"), "200ji21");
    assert_eq!(via("DELETE /in/7/x"), "405ji21");
    assert_eq!(via("OPTIONS /in/7/deep/x"), "204dji21");
    assert_eq!(via("GET /in/%ff/x"), "400ji21");
    assert_eq!(via("OPTIONS *"), "20421");
    assert_eq!(via("GET /none"), "40421");
    // Of a pattern with routes from two routers, the first one's.
    assert_eq!(via("DELETE /x"), "40521");
}

#[test]
fn a_merged_fallback_keeps_its_middleware() {
    let other = Router::new().fallback(marks).with(mark("o"));
    let server = serve(Router::new().merge(other).with(mark("r")));
    assert_eq!(ask(&server, "GET /none"), (200, "ro".to_owned()));
}

#[test]
fn routers_are_handlers_like_others() {
    struct Own;
    impl Handler for Own {
        fn handle(&self, request: &mut Request<'_>) -> Response {
            format!("own {}", request.path()).into_response()
        }
    }
    let within = Router::new().get("/a/{b}", params).build().unwrap();
    let routes = Router::new()
        .get("/own", Own)
        .get("/wrapped", wrap(marks, mark("w")))
        .any("/a/{*rest}", within)
        .build()
        .unwrap();
    let server = TestServer::serving(Server::builder(), wrap(routes, mark("r")));
    assert_eq!(ask(&server, "GET /own"), (200, "own /own".to_owned()));
    assert_eq!(ask(&server, "GET /wrapped"), (200, "rw".to_owned()));
    assert_eq!(ask(&server, "GET /a/b"), (200, "/a/{b} b=b=b".to_owned()));
    assert_eq!(ask(&server, "GET /a/b/c").0, 404);
}

#[test]
fn both_backends_and_one_connection() {
    for backend in BACKENDS {
        let routes = Router::new().get("/a", || "a").get("/{b}", params).build().unwrap();
        let server = TestServer::serving(Server::builder().backend(backend), routes);
        let mut client = server.connect();
        client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.until("\r\n\r\na"), text("200 OK", "a"));
        assert_eq!(client.until("b=x=x"), text("200 OK", "/{b} b=x=x"));
        client.send("GET /a/b HTTP/1.0\r\n\r\n");
        assert_eq!(client.rest(), closing("404 Not Found", "Not Found"));
    }
}

#[test]
fn mistakes_name_the_route() {
    let error = |router: Router| -> RouteError { router.build().unwrap_err() };
    let r = Router::new;
    for (router, message) in [
        (r().get("a", || ()), "route `a` does not begin with `/`"),
        (r().get("/é", || ()), "route `/é` holds 'é', which no path does: percent-encode it"),
        (r().get("/{a}", || ()).get("/{b}", || ()), "route `/{b}` conflicts with `/{a}`"),
        (r().get("/{a}{b}", || ()), "route `/{a}{b}` has two parameters in one segment"),
        (r().get("/a", || ()).get("/a", || ()), "route `/a` has two handlers for GET"),
        (r().route("/a", get(|| ()).get(|| ())), "route `/a` has two handlers for GET"),
        (r().any("/a", || ()).any("/a", || ()), "route `/a` has two handlers for any method"),
        (r().merge(r().get("/a", || ())).get("/a", || ()), "route `/a` has two handlers for GET"),
        (r().nest("/p", r().get("a", || ())), "route `/pa` does not begin with `/`"),
        (r().nest("/p/{x}", r().get("/{x}", || ())), "route `/p/{x}/{x}` has two parameters `x`"),
        (
            r().nest("/{*x}", r().get("/y", || ())),
            "route `/{*x}/y` goes on after `{*x}`, which takes all the rest",
        ),
        (
            r().nest("/", r()),
            "route `/` is a prefix and must not end in `/` (for none at all, there is `merge`)",
        ),
        (
            r().nest("/p", r().with(mark("a"))).nest("/p", r().with(mark("b"))),
            "route `/p` is the prefix of two routers with middleware or fall-backs: merge them, and nest the result",
        ),
        (
            r().fallback(|| ()).merge(r().fallback(|| ())),
            "route `/` has two fall-backs, of two routers that were merged",
        ),
        // The first of several.
        (r().get("b", || ()).get("a", || ()), "route `b` does not begin with `/`"),
    ] {
        assert_eq!(error(router).to_string(), message);
    }
    let error = std::io::Error::from(error(r().get("a", || ())));
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
