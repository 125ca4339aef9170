//! The crate `tungstenite`: WebSocket over std's sockets, both sides.

use std::net::TcpListener;
use std::sync::Arc;

use greenwood_patch_components::server::Web;
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use greenwood_runtime::spawn;
use tungstenite::{Message, accept, client};

#[test]
fn clients_wait_at_once() {
    let server = Web::start(
        None,
        20,
        Arc::new(|stream, gate| {
            let mut socket = accept(stream).unwrap();
            while let Ok(message @ Message::Text(_)) = socket.read() {
                gate.pass();
                socket.send(message).unwrap();
            }
        }),
    );
    patched(move || {
        let others = Others::new();
        let echoes = others.run_during(|| {
            join_all(spawn_all(20, move |i| {
                let (mut socket, _) =
                    client(format!("ws://{}/", server.address()), server.connect()).unwrap();
                for _ in 0..5 {
                    socket.send(Message::text(i.to_string())).unwrap();
                }
                (0..5)
                    .map(|_| socket.read().unwrap().into_text().unwrap().to_string())
                    .collect::<Vec<_>>()
            }))
        });
        let expected = |i: usize| vec![i.to_string(); 5];
        assert!(echoes.into_iter().eq((0..20).map(expected)));
    });
}

#[test]
fn both_sides_on_one_worker() {
    patched(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        spawn(move || {
            for stream in listener.incoming().take(5) {
                spawn(move || {
                    let mut socket = accept(stream.unwrap()).unwrap();
                    while let Ok(message @ Message::Binary(_)) = socket.read() {
                        socket.send(message).unwrap();
                    }
                });
            }
        });
        join_all(spawn_all(5, move |i| {
            let stream = std::net::TcpStream::connect(address).unwrap();
            let (mut socket, _) = client(format!("ws://{address}/"), stream).unwrap();
            // More than the kernel buffers, so that sending waits as well.
            let bytes = vec![i as u8; 4 << 20];
            socket.send(Message::binary(bytes.clone())).unwrap();
            assert!(socket.read().unwrap().into_data() == bytes);
        }));
    });
}
