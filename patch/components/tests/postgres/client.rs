//! The crate `postgres`, which runs tokio on the thread that calls it.

use greenwood_patch_components::{Others, join_all, patched, server, spawn_all};
use postgres::{Client, NoTls};

#[test]
fn fifty_clients_wait_at_once() {
    let Some(server) = server::postgres() else { return };
    patched(move || {
        let connect = || Client::connect(&server.url(), NoTls).unwrap();
        let mut gate = connect();
        gate.execute("select pg_advisory_lock(1)", &[]).unwrap();
        let waiters = spawn_all(50, move |i| {
            let sql = "select $1::int from pg_advisory_lock_shared(1)";
            connect().query_one(sql, &[&(i as i32)]).unwrap().get(0)
        });
        let others = Others::new();
        others.run_during(|| while super::waiting(&mut gate, 1) < 50 {});
        gate.execute("select pg_advisory_unlock(1)", &[]).unwrap();
        assert_eq!(join_all::<i32>(waiters), (0..50).collect::<Vec<_>>());
    });
}

#[test]
fn transactions_and_prepared_statements() {
    let Some(server) = server::postgres() else { return };
    patched(move || {
        let connect = || Client::connect(&server.url(), NoTls).unwrap();
        connect()
            .batch_execute("create table clients (id int primary key, n int not null)")
            .unwrap();
        join_all(spawn_all(10, move |i| {
            let mut client = connect();
            let insert = client.prepare("insert into clients values ($1, $2)").unwrap();
            for round in 0..10 {
                let id = (i * 10 + round) as i32;
                let mut transaction = client.transaction().unwrap();
                transaction.execute(&insert, &[&id, &(i as i32)]).unwrap();
                if round % 2 == 0 { transaction.commit() } else { transaction.rollback() }.unwrap();
            }
        }));
        let rows =
            connect().query("select n, count(*) from clients group by n order by n", &[]).unwrap();
        let rows: Vec<(i32, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert!(rows.into_iter().eq((0..10).map(|n| (n, 5))));
    });
}
