//! Connections that have left HTTP: bytes in both directions, until both have ended.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use greenwood::http::Upgraded;

use crate::upstream::Connection;

pub fn tunnel(client: &Upgraded, connection: Connection) {
    let Ok((server, early)) = connection.into_tunnel() else { return };
    greenwood::scope(|s| {
        s.spawn(|| {
            let copied = copy(client, &server);
            let _ = server.shutdown(ending(&copied));
            if copied.is_err() {
                let _ = client.shutdown(Shutdown::Both);
            }
        });
        let copied = (&*client).write_all(&early).and_then(|()| copy(&server, client));
        let _ = client.shutdown(ending(&copied));
        if copied.is_err() {
            let _ = server.shutdown(Shutdown::Both);
        }
    });
}

/// After the end of one direction the other may go on. After an error nothing does.
fn ending(copied: &io::Result<()>) -> Shutdown {
    if copied.is_ok() { Shutdown::Write } else { Shutdown::Both }
}

fn copy(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    io::copy(&mut from, &mut to).map(drop)
}
