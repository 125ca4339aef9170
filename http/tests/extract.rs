//! Typed values out of requests, and what is answered when they do not fit.
#![cfg(feature = "serde")]

mod support;

use std::collections::HashMap;

use greenwood_http::extract::{Extension, Form, FromRequest, Json, Path, Query, Rejection};
use greenwood_http::http::{self, HeaderValue, StatusCode, header};
use greenwood_http::middleware::Next;
use greenwood_http::{IntoResponse, Request, Response, Router, Server};
use serde::{Deserialize, Serialize};
use support::{BACKENDS, TestServer, closing, refused};

fn serve(router: Router) -> TestServer {
    TestServer::serving(Server::builder(), router.build().unwrap())
}

/// Status and body of the answer to a request in HTTP/1.0.
fn ask(server: &TestServer, line: &str, fields: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let raw = format!("{line} HTTP/1.0\r\nContent-Length: {length}\r\n{fields}\r\n{body}");
    let answer = server.exchange(&[raw.as_bytes()]);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn paths() {
    #[derive(Deserialize)]
    struct Named {
        month: u8,
        year: i32,
    }
    #[derive(Debug, Deserialize)]
    struct Id(u64);
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Side {
        Left,
        Right,
    }
    let server = serve(
        Router::new()
            .get("/id/{id}", |Path(Id(id)): Path<Id>| id.to_string())
            .get("/date/{year}/{month}", |Path(d): Path<Named>| format!("{} {}", d.month, d.year))
            .get("/pair/{a}/{b}", |Path((a, b)): Path<(String, bool)>| format!("{a} {b}"))
            .get("/map/{a}/{b}", |Path(map): Path<HashMap<String, char>>| {
                format!("{}{}", map["b"], map["a"])
            })
            .get("/side/{side}", |Path(side): Path<Side>| format!("{side:?}"))
            .get("/all/{a}/{b}", |Path(all): Path<Vec<String>>| all.join("+"))
            .get("/rest/{*rest}", |Path((rest,)): Path<(Vec<String>,)>| format!("{rest:?}"))
            .get("/whole/{*rest}", |Path(rest): Path<String>| rest)
            .get("/none", |Path(()): Path<()>| "none")
            // Mistakes of the server's own.
            .get("/wrong/{a}/{b}", |Path(_): Path<u8>| ())
            .get("/wrong/{a}", |Path(_): Path<(u8, u8)>| ())
            .get("/short/{a}/{b}/{c}", |Path(_): Path<(u8, u8)>| ())
            .get("/name/{a}", |Path(_): Path<Named>| ())
            .get("/wrong", |Path(_): Path<u8>| ()),
    );
    for (path, status, body) in [
        ("/id/3", 200, "3"),
        ("/id/18446744073709551615", 200, "18446744073709551615"),
        ("/id/18446744073709551616", 400, "`id`: expected a number of type u64"),
        ("/id/+3", 400, "`id`: expected a number of type u64"),
        ("/id/%2B3", 400, "`id`: expected a number of type u64"),
        ("/id/-3", 400, "`id`: expected a number of type u64"),
        ("/id/%203", 400, "`id`: expected a number of type u64"),
        ("/id/%33", 200, "3"),
        ("/id/%D9%A3", 400, "`id`: expected a number of type u64"),
        ("/date/-44/3", 200, "3 -44"),
        ("/date/2000/300", 400, "`month`: expected a number of type u8"),
        ("/pair/%C3%A9%2F+/true", 200, "é/+ true"),
        ("/pair/a/1", 400, "`b`: expected true or false"),
        ("/map/x/y", 200, "yx"),
        ("/side/left", 200, "Left"),
        ("/side/right", 200, "Right"),
        ("/side/up", 400, "`side`: unknown variant `up`, expected `left` or `right`"),
        ("/all/1/2", 200, "1+2"),
        ("/rest/a%2Fb/%2e%2e//c", 200, "[\"a/b\", \"..\", \"\", \"c\"]"),
        ("/whole/a%2Fb/c", 200, "a/b/c"),
        ("/none", 200, "none"),
        ("/wrong/1/2", 500, "Internal Server Error"),
        ("/wrong/1", 500, "Internal Server Error"),
        ("/short/1/2/3", 500, "Internal Server Error"),
        ("/name/1", 500, "Internal Server Error"),
        ("/wrong", 500, "Internal Server Error"),
    ] {
        let answer = ask(&server, &format!("GET {path}"), "", "");
        assert_eq!(answer, (status, body.to_owned()), "{path}");
    }
}

#[derive(Deserialize, Serialize)]
struct User {
    name: String,
    age: u8,
    #[serde(default)]
    pets: Vec<Pet>,
}

#[derive(Deserialize, Serialize)]
struct Pet {
    legs: u8,
}

#[test]
fn json_both_ways() {
    let server = serve(Router::new().post("/", |Json(user): Json<User>| Json(user)));
    let json = "Content-Type: application/json\r\n";
    let good = r#"{"name":"é","age":3,"pets":[{"legs":4}]}"#;
    for fields in [json, "content-type: Application/Vnd.X+JSON ; charset=utf-8\r\n"] {
        assert_eq!(ask(&server, "POST /", fields, good), (200, good.to_owned()));
    }
    for fields in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/jsonp\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
    ] {
        assert_eq!(ask(&server, "POST /", fields, good).0, 415, "{fields}");
    }
    for (body, status, message) in [
        ("", 400, "EOF while parsing a value at line 1 column 0"),
        ("{", 400, "EOF while parsing an object at line 1 column 1"),
        ("{]", 400, "key must be a string at line 1 column 2"),
        (r#"{"name":"a","age":3} x"#, 400, "trailing characters at line 1 column 22"),
        (r#"{"name":"a"}"#, 422, "missing field `age` at line 1 column 12"),
        (
            r#"{"name":"a","age":300}"#,
            422,
            "`age`: invalid value: integer `300`, expected u8 at line 1 column 21",
        ),
        (
            r#"{"name":"a","age":3,"pets":[{"legs":4},{"legs":"x\n"}]}"#,
            422,
            "`pets[1].legs`: invalid type: string \"x\\n\", expected u8 at line 1 column 52",
        ),
        ("[]", 422, "invalid length 0, expected struct User with 3 elements at line 1 column 2"),
    ] {
        assert_eq!(ask(&server, "POST /", json, body), (status, message.to_owned()), "{body}");
    }
    let any = serve(Router::new().post("/", |Json(_): Json<serde_json::Value>| ()));
    let (status, message) = ask(&any, "POST /", json, &"[".repeat(100_000));
    assert_eq!((status, &*message), (400, "recursion limit exceeded at line 1 column 128"));
    let quoted = format!(r#"{{"name":"a","age":"{}"}}"#, "x".repeat(100_000));
    let (status, message) = ask(&server, "POST /", json, &quoted);
    assert!(status == 422 && message.starts_with("`age`: ") && message.len() < 400, "{message}");
}

#[test]
fn what_cannot_be_serialised_is_a_500() {
    struct Bad;
    impl Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("on purpose"))
        }
    }
    let server = serve(Router::new().get("/", || Json([Some(Bad)])));
    let answer = server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]);
    assert_eq!(answer, refused("500 Internal Server Error"));
}

#[test]
fn queries_and_forms() {
    #[derive(Deserialize)]
    struct Page {
        page: u32,
        tag: Option<String>,
    }
    let show = |page: Page| format!("{} {:?}", page.page, page.tag);
    let server = serve(
        Router::new()
            .get("/", move |Query(page): Query<Page>| show(page))
            .post("/", move |Form(page): Form<Page>| show(page)),
    );
    let form = "content-type: application/x-www-form-urlencoded; charset=utf-8\r\n";
    for (fields, status, answer) in [
        ("page=1&tag=a+b%26", 200, "1 Some(\"a b&\")"),
        ("tag=&page=1", 200, "1 Some(\"\")"),
        ("page=%2B1", 0, "`page`: expected a number of type u32"),
        ("page=1&page=1", 0, "`page`: given more than once"),
        ("", 0, "`page` is missing"),
        ("page=1&tag=%zz", 400, "`tag`: invalid percent-encoding"),
        ("page=1&tag=%ff", 400, "`tag`: invalid percent-encoding"),
    ] {
        let or = |other| if status == 0 { other } else { status };
        let query = ask(&server, &format!("GET /?{fields}"), "", "");
        assert_eq!(query, (or(400), answer.to_owned()), "{fields}");
        assert_eq!(ask(&server, "POST /", form, fields), (or(422), answer.to_owned()), "{fields}");
    }
    assert_eq!(ask(&server, "GET /", "", ""), (400, "`page` is missing".to_owned()));
    assert_eq!(ask(&server, "POST /", "", "page=1").0, 415);
    let raw =
        [&b"POST / HTTP/1.0\r\nContent-Length: 7\r\n"[..], form.as_bytes(), b"\r\npage=\xff1"];
    assert_eq!(
        server.exchange(&[&raw.concat()]),
        closing("400 Bad Request", "the body is not UTF-8")
    );
}

#[test]
fn arguments_in_any_order_and_number() {
    struct Agent(String);
    impl FromRequest for Agent {
        fn from_request(request: &mut Request<'_>) -> Result<Agent, Rejection> {
            let agent = request.headers().get("user-agent").ok_or_else(|| {
                Rejection::new(StatusCode::FORBIDDEN, "who are you?")
                    .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            })?;
            Ok(Agent(String::from_utf8_lossy(agent).into_owned()))
        }
    }
    fn named(Agent(agent): Agent, bytes: Vec<u8>) -> impl IntoResponse {
        (StatusCode::CREATED, agent + &String::from_utf8(bytes).unwrap())
    }
    for backend in BACKENDS {
        let router = Router::new()
            .put("/{id}", |body: String, Path(id): Path<u8>, Agent(agent): Agent| {
                format!("{body} {id} {agent}")
            })
            .post("/{id}", named)
            .delete("/{id}", |id: Result<Path<u8>, Rejection>, agent: Result<Agent, Rejection>| {
                format!("{} {}", id.is_ok(), agent.is_ok())
            })
            .get("/{id}", || "nothing");
        let server =
            TestServer::serving(Server::builder().backend(backend), router.build().unwrap());
        let agent = "User-Agent: me\r\n";
        assert_eq!(ask(&server, "PUT /1", agent, "body"), (200, "body 1 me".to_owned()));
        assert_eq!(ask(&server, "PUT /x", agent, "body").0, 400);
        assert_eq!(ask(&server, "POST /1", agent, "body"), (201, "mebody".to_owned()));
        assert_eq!(ask(&server, "DELETE /x", agent, ""), (200, "false true".to_owned()));
        assert_eq!(ask(&server, "DELETE /1", "", ""), (200, "true false".to_owned()));
        assert_eq!(ask(&server, "GET /1", "", ""), (200, "nothing".to_owned()));
        let answer = server.exchange(&[b"POST /1 HTTP/1.0\r\n\r\n"]);
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.contains("\r\nretry-after: 1\r\n"),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\nwho are you?"), "{answer}");
    }
}

#[test]
fn by_hand() {
    fn handler(request: &mut Request<'_>) -> Result<String, Rejection> {
        let Path(id) = request.extract::<Path<u8>>()?;
        let first = request.param("id").unwrap();
        let text: String = request.extract()?;
        Ok(format!("{id} {first} {text}"))
    }
    let server = serve(Router::new().post("/{id}", handler));
    assert_eq!(ask(&server, "POST /7", "", "x"), (200, "7 7 x".to_owned()));
    assert_eq!(ask(&server, "POST /x", "", "x").0, 400);
}

#[test]
fn extensions() {
    fn identified(request: &mut Request<'_>, next: Next<'_>) -> Response {
        if request.headers().get("user").is_some() {
            request.extensions_mut().insert(7u8);
        }
        next.run(request)
    }
    let server = serve(
        Router::new().get("/", |Extension(id): Extension<u8>| id.to_string()).with(identified),
    );
    assert_eq!(ask(&server, "GET /", "User: me\r\n", ""), (200, "7".to_owned()));
    assert_eq!(ask(&server, "GET /", "", "").0, 500);
}

#[test]
fn owned_requests_and_answers() {
    fn show(request: &mut Request<'_>) -> std::io::Result<http::Response<String>> {
        request.extensions_mut().insert("left");
        let owned = request.to_http()?;
        let values: Vec<_> = owned.headers().get_all("x").iter().map(|v| v.as_bytes()).collect();
        let left = owned.extensions().get::<&str>();
        let text = format!(
            "{} {} {:?} {values:?} {left:?} {:?}",
            owned.method(),
            owned.uri(),
            owned.version(),
            String::from_utf8_lossy(owned.body())
        );
        Ok(http::Response::builder()
            .status(202)
            .header("a", "1")
            .header("a", "2")
            .body(text)
            .unwrap())
    }
    let server = TestServer::start(show);
    for (raw, body) in [
        (
            &b"POST /a%20|?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: \xe9\r\nx: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"[..],
            "POST /a%20|?b HTTP/1.1 [[233], [50]] Some(\"left\") \"abc\"",
        ),
        (b"OPTIONS * HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.0 [] Some(\"left\") \"\""),
        (b"GET http://h/p?q HTTP/1.0\r\n\r\n", "GET http://h/p?q HTTP/1.0 [] Some(\"left\") \"\""),
        (b"GET /\"<>\\^`{|} HTTP/1.0\r\n\r\n", "GET /%22%3C%3E%5C%5E%60%7B%7C%7D HTTP/1.0 [] Some(\"left\") \"\""),
    ] {
        let answer = server.exchange(&[raw]);
        let head = "HTTP/1.1 202 Accepted\r\na: 1\r\na: 2\r\n";
        assert!(answer.starts_with(head) && answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
    }
    let long = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n200001\r\n";
    assert_eq!(server.exchange(&[long]), refused("413 Payload Too Large"));
}
