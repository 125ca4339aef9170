//! Counters as Prometheus reads them.

mod support;

use std::collections::HashMap;
use std::io::Write;
use std::sync::mpsc::channel;

use greenwood_http::observe::Metrics;
use greenwood_http::{Limits, Request, ResponseBody, Router, Server};
use support::{BACKENDS, TestServer};

/// Names with their labels, and values, of what must be in the text format.
fn samples(text: &str) -> HashMap<String, f64> {
    let mut described = (String::new(), String::new());
    let mut samples = HashMap::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (kind, rest) = comment.split_once(' ').unwrap();
            let (name, what) = rest.split_once(' ').unwrap();
            match kind {
                "HELP" => described.0 = name.to_owned(),
                "TYPE" => {
                    assert!(["counter", "gauge", "histogram"].contains(&what), "{line}");
                    // Each stands once, right before its samples.
                    assert_eq!(described.0, name);
                    assert_eq!(what == "counter", name.ends_with("_total"), "{line}");
                    assert!(!samples.keys().any(|sample: &String| sample.starts_with(name)));
                    described.1 = name.to_owned();
                }
                other => panic!("{other}"),
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with(&described.1), "{line}");
        assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{line}");
    }
    samples
}

#[test]
fn everything_is_counted() {
    for backend in BACKENDS {
        let metrics = Metrics::new();
        let (waits, waiting) = channel();
        let routes = Router::new()
            .get("/", || "hello")
            .get("/panic", || -> () { panic!("on purpose") })
            .get("/breaks", || {
                ResponseBody::from_writer(|out| {
                    out.flush()?;
                    panic!("on purpose")
                })
            })
            .get("/wait", move |request: &mut Request<'_>| {
                waits.send(()).unwrap();
                request.client_handle().wait_gone(None).to_string()
            })
            .get("/metrics", metrics.clone());
        let mut limits = Limits::default();
        // The one that asks, and the one that waits; whoever has gone is counted before the next is served.
        limits.connections = 2;
        let builder = Server::builder().backend(backend).limits(limits).observer(metrics.clone());
        let server = TestServer::serving(builder, routes.build().unwrap());

        let mut bytes = 0;
        for (raw, status) in [
            (&b"GET / HTTP/1.0\r\n\r\n"[..], "200"),
            (b"GET / HTTP/1.0\r\n\r\n", "200"),
            (b"GET /none HTTP/1.0\r\n\r\n", "404"),
            (b"GET /panic HTTP/1.0\r\n\r\n", "500"),
            (b"GET /breaks HTTP/1.0\r\n\r\n", "200"),
            (b"nonsense\r\n\r\n", "400"),
        ] {
            let mut client = server.connect();
            client.send(raw);
            let answer = client.raw_rest();
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
            // Refusals are none of the exchanges.
            bytes += if status == "400" { 0 } else { answer.len() };
        }
        let mut waiter = server.connect();
        waiter.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
        waiting.recv_timeout(support::WATCHDOG).unwrap();

        let mut client = server.connect();
        client.send("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let answer = client.rest();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\ncontent-type: text/plain; version=0.0.4\r\n"), "{head}");
        let samples = samples(body);
        for (name, value) in [
            ("http_connections_open", 2),
            ("http_connections_total", 8),
            ("http_handshakes_failed_total", 0),
            ("http_requests_in_flight", 2),
            ("http_requests_total{status=\"1xx\"}", 0),
            ("http_requests_total{status=\"2xx\"}", 3),
            ("http_requests_total{status=\"3xx\"}", 0),
            ("http_requests_total{status=\"4xx\"}", 2),
            ("http_requests_total{status=\"5xx\"}", 1),
            ("http_requests_refused_total", 1),
            ("http_responses_incomplete_total", 1),
            ("http_handlers_panicked_total", 2),
            ("http_response_bytes_total", bytes),
            ("http_request_duration_seconds_count", 5),
            ("http_request_duration_seconds_bucket{le=\"+Inf\"}", 5),
        ] {
            assert_eq!(samples.get(name), Some(&(value as f64)), "{name}\n{body}");
        }
        let mut last = 0.0;
        for bound in ["0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5"] {
            let below = samples[&format!("http_request_duration_seconds_bucket{{le=\"{bound}\"}}")];
            assert!(below >= last, "{body}");
            last = below;
        }
        assert!(samples["http_request_duration_seconds_sum"] > 0.0);

        drop(waiter);
        server.shutdown.shutdown();
        server.join();
        let samples = self::samples(&metrics.to_string());
        assert_eq!(samples["http_connections_open"], 0.0);
        assert_eq!(samples["http_requests_in_flight"], 0.0);
        assert_eq!(samples["http_request_duration_seconds_count"], 7.0);
    }
}
