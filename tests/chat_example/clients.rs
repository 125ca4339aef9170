//! Programs that are no pages: curl, a WebSocket library, and some that should be refused.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use crate::chat::{BACKENDS, Chat, WATCHDOG, output};

/// The messages in a JSON array, as `name: text`.
fn said(list: &str) -> Vec<String> {
    let list: Vec<Value> = serde_json::from_str(list).unwrap();
    list.iter().map(line).collect()
}

fn line(message: &Value) -> String {
    let words = &message["words"];
    format!("{}: {}", words["name"].as_str().unwrap(), words["text"].as_str().unwrap())
}

fn websocket(chat: &Chat, path: &str, origin: &str) -> Option<WebSocket<TcpStream>> {
    let mut request = format!("ws://{}{path}", chat.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
    let stream = TcpStream::connect(&chat.address).unwrap();
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    tungstenite::client(request, stream).ok().map(|(socket, _)| socket)
}

fn read(socket: &mut WebSocket<TcpStream>) -> Result<Message, Error> {
    loop {
        match socket.read() {
            // Not tried again by the library: with a time-out, whatever stops the process for a moment ends the call.
            Err(Error::Io(e)) if e.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn next(socket: &mut WebSocket<TcpStream>) -> Value {
    serde_json::from_str(read(socket).unwrap().to_text().unwrap()).unwrap()
}

/// What curl writes, line by line. `None` if there is no curl here.
fn curl(args: &[&str]) -> Option<(std::process::Child, impl Iterator<Item = String> + use<>)> {
    let seconds = WATCHDOG.as_secs().to_string();
    let command = &mut Command::new("curl");
    match command.args(["-sN", "--max-time", &*seconds]).args(args).stdout(Stdio::piped()).spawn() {
        Ok(mut child) => {
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            Some((child, lines.map(|line| line.unwrap())))
        }
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "no curl: {error}");
            println!("skipped: curl is not installed");
            None
        }
    }
}

#[test]
fn curl_hears_events_and_goes_on_where_it_was() {
    for backend in BACKENDS {
        let chat = Chat::start(&["--backend", backend]);
        let url = format!("http://{}/events", chat.address);
        let Some((mut child, lines)) = curl(&[&url]) else { return };
        let mut lines = lines.filter(|line| !line.is_empty() && line != ":");
        assert_eq!(lines.next().unwrap(), "retry: 500");
        chat.say("Robin", "a\nb");
        let message: Value =
            serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(line(&message), "Robin: a\nb");
        let id = lines.next().unwrap();
        assert_eq!(id, format!("id: {}", message["id"]));
        child.kill().unwrap();
        child.wait().unwrap();

        chat.say("Marian", "c");
        let field = format!("Last-Event-{id}");
        let (mut child, lines) = curl(&["-H", &field, &url]).unwrap();
        let mut lines = lines.filter(|line| line.starts_with("data"));
        assert!(lines.next().unwrap().contains(r#""text":"c""#));
        chat.interrupt();
        assert!(lines.next().is_none());
        // The answer has come to its end in order.
        assert!(child.wait().unwrap().success());
        assert!(chat.exit().success());
    }
}

#[test]
fn curl_polls() {
    for backend in BACKENDS {
        let chat = Chat::start(&["--backend", backend]);
        let url = format!("http://{}", chat.address);
        let poll = |query: &str| {
            let (mut child, mut lines) = curl(&[&format!("{url}/poll{query}")])?;
            let line = lines.next().unwrap_or_default();
            assert!(child.wait().unwrap().success());
            Some(line)
        };
        let Some(nothing) = poll("") else { return };
        assert_eq!(nothing, "[]");
        let body = r#"{"name": "Robin", "text": "a"}"#;
        let field = "Content-Type: application/json";
        let messages = format!("{url}/messages");
        let (mut child, _) = curl(&["-f", "-H", field, "-d", body, &messages]).unwrap();
        assert!(child.wait().unwrap().success());
        let list = poll("?after=0").unwrap();
        assert_eq!(said(&list), ["Robin: a"]);
        let id = serde_json::from_str::<Value>(&list).unwrap()[0]["id"].clone();
        // Waits for what is said next.
        let (mut child, mut lines) = curl(&[&format!("{url}/poll?after={id}&wait=25")]).unwrap();
        chat.say("Marian", "b");
        assert_eq!(said(&lines.next().unwrap()), ["Marian: b"]);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_library_speaks_websocket() {
    for backend in BACKENDS {
        let chat = Chat::start(&["--backend", backend]);
        let origin = format!("http://{}", chat.address);
        let mut robin = websocket(&chat, "/ws", &origin).unwrap();
        let mut marian = websocket(&chat, "/ws?after=0", &origin).unwrap();
        robin.send(r#"{"name": "Robin", "text": "a", "key": "k"}"#.into()).unwrap();
        let message = next(&mut marian);
        assert_eq!(line(&message), "Robin: a");
        assert_eq!(next(&mut robin), message);
        // Once more, as after a broken connection: known by its key.
        robin.send(r#"{"name": "Robin", "text": "a", "key": "k"}"#.into()).unwrap();
        robin.send(r#"{"name": "Robin", "text": "b"}"#.into()).unwrap();
        assert_eq!(line(&next(&mut marian)), "Robin: b");

        for (nonsense, reason) in [
            (Message::from("nonsense"), "expected ident at line 1 column 2"),
            (vec![0].into(), "text, please"),
            (r#"{"name": " ", "text": "a"}"#.into(), "the name is empty"),
        ] {
            let mut socket = websocket(&chat, &format!("/ws?after={}", u64::MAX), &origin).unwrap();
            socket.send(nonsense).unwrap();
            let Message::Close(Some(close)) = read(&mut socket).unwrap() else {
                panic!("not closed")
            };
            assert_eq!((u16::from(close.code), close.reason.as_str()), (1008, reason));
        }

        chat.interrupt();
        while let Ok(message) = read(&mut robin) {
            if let Message::Close(Some(close)) = message {
                assert_eq!(u16::from(close.code), 1001);
            }
        }
        while read(&mut marian).is_ok() {}
        assert!(chat.exit().success());
    }
}

#[test]
fn other_sites_are_kept_out() {
    let chat = Chat::start(&[]);
    let json = "Content-Type: application/json\r\n";
    let words = r#"{"name": "Robin", "text": "a"}"#;
    for origin in ["http://evil.example", "null", &format!("http://{}.evil.example", chat.address)]
    {
        let fields = format!("Origin: {origin}\r\n{json}");
        assert_eq!(chat.ask("POST /messages", &fields, words).0, 403, "{origin}");
        assert_eq!(chat.ask("GET /poll", &fields, "").0, 403, "{origin}");
        assert_eq!(chat.ask("GET /events", &fields, "").0, 403, "{origin}");
        assert!(websocket(&chat, "/ws", origin).is_none(), "{origin}");
    }
    // What a form of another site could send, even from a browser that does not say where it comes from.
    assert_eq!(chat.ask("POST /messages", "Content-Type: text/plain\r\n", words).0, 415);
    let fields = format!("Origin: http://{}\r\n{json}", chat.address);
    assert_eq!(chat.ask("POST /messages", &fields, words).0, 204);
    assert_eq!(said(&chat.ask("GET /poll", "", "").1), ["Robin: a"]);
}

#[test]
fn words_are_checked() {
    let chat = Chat::start(&[]);
    let long = |n| "é".repeat(n);
    for (words, status) in [
        (json!({ "name": long(40), "text": long(2000), "key": long(64) }), 204),
        (json!({ "name": long(41), "text": "a" }), 422),
        (json!({ "name": "a", "text": long(2001) }), 422),
        (json!({ "name": "a", "text": "a", "key": long(65) }), 422),
        (json!({ "name": "\t", "text": "a" }), 422),
        (json!({ "name": "a", "text": "" }), 422),
        (json!({ "name": "a" }), 422),
        (json!({ "name": "a", "text": "a", "more": 1 }), 422),
        (json!({ "name": "a", "text": "a".repeat(16 * 1024) }), 413),
    ] {
        assert_eq!(chat.post(&words).0, status, "{words}");
    }
    for query in ["?after=x", "?after=-1", "?after=99999999999999999999"] {
        for path in ["/poll", "/events", "/ws"] {
            assert_eq!(chat.ask(&format!("GET {path}{query}"), "", "").0, 400, "{path}{query}");
        }
    }
}

#[test]
fn the_history_is_bounded_and_ids_tell_of_gaps() {
    let chat = Chat::start(&["--history", "3"]);
    for n in 1..=5 {
        chat.say("Robin", &n.to_string());
    }
    let list = chat.ask("GET /poll?after=0", "", "").1;
    assert_eq!(said(&list), ["Robin: 3", "Robin: 4", "Robin: 5"]);
    let ids: Vec<u64> = serde_json::from_str::<Vec<Value>>(&list)
        .unwrap()
        .iter()
        .map(|message| message["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [ids[0], ids[0] + 1, ids[0] + 2]);
    let after = format!("GET /poll?after={}", ids[0]);
    assert_eq!(said(&chat.ask(&after, "", "").1), ["Robin: 4", "Robin: 5"]);
}

#[test]
fn a_poll_that_waits_does_not_hold_a_shutdown_up() {
    for backend in BACKENDS {
        let chat = Chat::start(&["--backend", backend]);
        chat.say("Robin", "a");
        let mut poll = chat.open(&format!("GET /poll?after={}&wait=25", u64::MAX), "", "");
        // So that it is there before the signal.
        assert_eq!(said(&chat.ask("GET /poll", "", "").1), ["Robin: a"]);
        chat.interrupt();
        let mut answer = String::new();
        poll.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("\r\n\r\n[]"), "{answer}");
        assert!(chat.exit().success());
    }
}

#[test]
fn pages_are_guarded() {
    let chat = Chat::start(&[]);
    let mut answer = String::new();
    chat.open("GET /", "", "").read_to_string(&mut answer).unwrap();
    for field in [
        "content-type: text/html; charset=utf-8\r\n",
        "content-security-policy: default-src 'self'; ",
        "x-content-type-options: nosniff\r\n",
    ] {
        assert!(answer.contains(field), "{field}");
    }
    // All that the page needs is here.
    for path in ["/chat.css", "/chat.js"] {
        assert_eq!(chat.ask(&format!("GET {path}"), "", "").0, 200);
    }
    assert!(
        !answer.contains("http://") || answer.matches("http://").count() == 1,
        "an icon's name space"
    );
}

#[test]
fn arguments() {
    let help = output(&["--help"]);
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success() && text.starts_with("usage: chat ") && text.contains("/events"));
    for (args, message) in [
        (&["--frobnicate"][..], "unknown argument \"--frobnicate\""),
        (&["--history", "0"], "--history takes a number"),
        (&["--history"], "--history needs a value"),
        (&["--backend=blue"], "--backend takes green or threads"),
    ] {
        let output = output(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(error.starts_with(&format!("chat: {message}")), "{error}");
    }
    let output = output(&["--addr", "256.0.0.1:1"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with("chat: cannot listen on 256.0.0.1:1: "), "{error}");
}
