//! Counters, in the text format of Prometheus.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};

use super::{CloseReason, Connection, Exchange, Observer, Outcome};
use crate::error::RequestError;
use crate::handler::Handler;
use crate::request::Request;
use crate::response::{IntoResponse, Response};

/// As of Prometheus's "Text-based format".
const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// The upper ends of the classes of durations, in milliseconds.
const BUCKETS: [u32; 12] = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// An [`Observer`] that counts, and a [`Handler`] that answers with the counters in the text format of Prometheus. Clones share the
/// counters.
///
/// | name | type | what |
/// |---|---|---|
/// | `http_connections_open` | gauge | connections that are open |
/// | `http_connections_total` | counter | connections that were accepted |
/// | `http_handshakes_failed_total` | counter | those that did not come about, by TLS or for want of a PROXY header |
/// | `http_requests_in_flight` | gauge | requests whose answer is not written yet |
/// | `http_requests_total{status="2xx"}` | counter | requests that were answered, by the class of the status |
/// | `http_requests_refused_total` | counter | those among them that no handler got |
/// | `http_responses_incomplete_total` | counter | answers that broke off |
/// | `http_handlers_panicked_total` | counter | handlers, or bodies, that panicked |
/// | `http_response_bytes_total` | counter | bytes of answers that were written |
/// | `http_request_duration_seconds` | histogram | [`Exchange::duration`] |
///
/// Each is exact by itself; those of one scrape may be of slightly different moments.
///
/// ```
/// use greenwood_http::observe::Metrics;
/// use greenwood_http::{Router, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let metrics = Metrics::new();
/// let server = Server::builder().observer(metrics.clone()).bind("127.0.0.1:0")?;
/// let routes = Router::new().get("/", || "hello").get("/metrics", metrics).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    opened: Counter,
    closed: Counter,
    handshakes_failed: Counter,
    started: Counter,
    finished: Counter,
    /// By the first digit of the status, from 1 on.
    answered: [Counter; 5],
    refused: Counter,
    incomplete: Counter,
    panicked: Counter,
    bytes: Counter,
    /// By class of duration; those of the last are longer than any bound.
    durations: [Counter; BUCKETS.len() + 1],
    microseconds: Counter,
}

#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// All are zero.
    pub fn new() -> Metrics {
        Metrics::default()
    }

    fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = self.0.answered.get(class.wrapping_sub(1)) {
            counter.add(1);
        }
    }

    fn took(&self, duration: Duration) {
        let over = |bound: &u32| duration > Duration::from_millis(u64::from(*bound));
        self.0.durations[BUCKETS.iter().take_while(|bound| over(bound)).count()].add(1);
        self.0.microseconds.add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }
}

impl Observer for Metrics {
    fn connection_opened(&self, _: &Connection<'_>) {
        self.0.opened.add(1);
    }

    fn handshake_failed(&self, _: &Connection<'_>, _: &io::Error) {
        self.0.handshakes_failed.add(1);
    }

    fn request_refused(&self, _: &Connection<'_>, error: RequestError) {
        self.0.refused.add(1);
        self.answered(error.status());
    }

    fn exchange_started(&self, _: &Request<'_>) {
        self.0.started.add(1);
    }

    fn exchange_finished(&self, exchange: &Exchange<'_>) {
        self.0.finished.add(1);
        if let Some(status) = exchange.status() {
            self.answered(status);
        }
        if !exchange.is_complete() {
            self.0.incomplete.add(1);
        }
        if exchange.outcome() == Outcome::Panicked {
            self.0.panicked.add(1);
        }
        self.0.bytes.add(exchange.bytes_sent());
        self.took(exchange.duration());
    }

    fn connection_closed(&self, _: &Connection<'_>, _: CloseReason) {
        self.0.closed.add(1);
    }
}

/// In the text format of Prometheus.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &*self.0;
        // The later of two first: a gauge must not fall below zero.
        let now = |ended: &Counter, begun: &Counter| {
            let ended = ended.get();
            begun.get().saturating_sub(ended)
        };
        let open = now(&of.closed, &of.opened);
        single(f, "http_connections_open", "gauge", "Connections that are open.", open)?;
        let help = "Connections that were accepted.";
        single(f, "http_connections_total", "counter", help, of.opened.get())?;
        let help = "Connections that did not come about.";
        single(f, "http_handshakes_failed_total", "counter", help, of.handshakes_failed.get())?;
        let in_flight = now(&of.finished, &of.started);
        let help = "Requests whose answer is not written yet.";
        single(f, "http_requests_in_flight", "gauge", help, in_flight)?;

        head(f, "http_requests_total", "counter", "Requests that were answered.")?;
        for (class, counter) in (1..).zip(&of.answered) {
            writeln!(f, "http_requests_total{{status=\"{class}xx\"}} {}", counter.get())?;
        }
        let help = "Requests that no handler got.";
        single(f, "http_requests_refused_total", "counter", help, of.refused.get())?;
        let help = "Answers that broke off.";
        single(f, "http_responses_incomplete_total", "counter", help, of.incomplete.get())?;
        let help = "Handlers, or bodies, that panicked.";
        single(f, "http_handlers_panicked_total", "counter", help, of.panicked.get())?;
        let help = "Bytes of answers that were written.";
        single(f, "http_response_bytes_total", "counter", help, of.bytes.get())?;

        let name = "http_request_duration_seconds";
        head(f, name, "histogram", "From a request's head to the end of its answer.")?;
        let mut count = 0;
        for (bound, counter) in BUCKETS.iter().zip(&of.durations) {
            count += counter.get();
            let seconds = f64::from(*bound) / 1e3;
            writeln!(f, "{name}_bucket{{le=\"{seconds}\"}} {count}")?;
        }
        count += of.durations[BUCKETS.len()].get();
        writeln!(f, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
        let sum = of.microseconds.get();
        writeln!(f, "{name}_sum {}.{:06}", sum / 1_000_000, sum % 1_000_000)?;
        writeln!(f, "{name}_count {count}")
    }
}

fn head(f: &mut fmt::Formatter<'_>, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(f, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn single(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    kind: &str,
    help: &str,
    value: u64,
) -> fmt::Result {
    head(f, name, kind, help)?;
    writeln!(f, "{name} {value}")
}

/// Answers with all counters.
impl Handler for Metrics {
    fn handle(&self, _: &mut Request<'_>) -> Response {
        self.to_string().into_response().with_header(header::CONTENT_TYPE, FORMAT)
    }
}
