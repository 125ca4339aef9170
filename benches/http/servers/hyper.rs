//! hyper on tokio, set as in the public framework benchmarks: no time limit for a request's head, answers to pipelined requests
//! written together.

use std::convert::Infallible;
use std::net::TcpListener;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

use super::BODY;

/// One worker is tokio's current_thread scheduler, several its multi_thread one.
pub fn serve(workers: usize) {
    let mut builder = match workers {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(workers).enable_all().build().expect("start the runtime");
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    listener.set_nonblocking(true).expect("a socket that does not block");
    super::announce(listener.local_addr().expect("an address"));
    // Spawned, since the future given to `block_on` itself runs outside the workers.
    runtime.block_on(async { tokio::spawn(accept(listener)).await.expect("no panic") });
}

async fn accept(listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("register the listener");
    loop {
        let (stream, _) = listener.accept().await.expect("accept");
        stream.set_nodelay(true).expect("set TCP_NODELAY");
        tokio::spawn(connection(stream));
    }
}

async fn connection(stream: TcpStream) {
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).pipeline_flush(true);
    // An error means that the client is gone.
    let _ = builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

async fn answer(_: Request<body::Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(response)
}
