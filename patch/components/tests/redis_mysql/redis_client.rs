//! The crate `redis`, its synchronous side.

use greenwood_patch_components::server;
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use redis::{Commands, Connection};

/// How many clients wait for a key of the database.
pub fn waiting(observer: &mut Connection, database: u8) -> usize {
    let list: String = redis::cmd("CLIENT").arg("LIST").query(observer).unwrap();
    let database = format!(" db={database} ");
    list.lines().filter(|line| line.contains(" flags=b ") && line.contains(&database)).count()
}

#[test]
fn fifty_clients_wait_at_once() {
    let Some(server) = server::redis() else { return };
    patched(move || {
        let client = redis::Client::open(server.url(0)).unwrap();
        let mut observer = client.get_connection().unwrap();
        let waiters = spawn_all(50, move |i| {
            let mut connection = client.get_connection().unwrap();
            let (_, value): (String, usize) = connection.blpop(format!("key-{i}"), 0.0).unwrap();
            value
        });
        let others = Others::new();
        others.run_during(|| while waiting(&mut observer, 0) < 50 {});
        for i in 0..50 {
            let () = observer.rpush(format!("key-{i}"), i * 7).unwrap();
        }
        for (i, value) in join_all(waiters).into_iter().enumerate() {
            assert_eq!(value, i * 7);
        }
    });
}
