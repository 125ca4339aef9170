//! The crate `mysql`, with a MariaDB server.

use greenwood_patch_components::server::{MariaDb, mariadb};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use mysql::prelude::Queryable;
use mysql::{Conn, Opts};

pub fn connect(server: &MariaDb) -> Conn {
    Conn::new(Opts::from_url(&server.url()).unwrap()).unwrap()
}

/// How many wait for a user's lock.
pub fn waiting(observer: &mut Conn, query: &str) -> usize {
    let sql = "select count(*) from information_schema.processlist where state = 'User lock' and info like ?";
    observer.exec_first(sql, (format!("%{query}%"),)).unwrap().unwrap()
}

#[test]
fn fifty_clients_wait_at_once() {
    let Some(server) = mariadb() else { return };
    patched(move || {
        let mut gate = connect(server);
        gate.query_drop("do get_lock('client', 0)").unwrap();
        let waiters = spawn_all(50, move |i| {
            let sql = format!("select get_lock('client', 100), release_lock('client'), {i}");
            let (_, _, i): (usize, usize, usize) =
                connect(server).query_first(sql).unwrap().unwrap();
            i
        });
        let others = Others::new();
        others.run_during(|| while waiting(&mut gate, "get_lock(_client_") < 50 {});
        gate.query_drop("do release_lock('client')").unwrap();
        assert_eq!(join_all(waiters), (0..50).collect::<Vec<_>>());
    });
}
