//! Cancellation in the middle of a call: an error of the library's, and nobody else reads the reply.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use greenwood_patch_components::{cancel_half, patched, server};
use greenwood_runtime::spawn;
use postgres::{Client, NoTls};

use super::libpq::Connection;

#[test]
fn libpq_reports_it() {
    let Some(server) = server::postgres() else { return };
    patched(move || {
        let mut gate = Client::connect(&server.url(), NoTls).unwrap();
        gate.execute("select pg_advisory_lock(10)", &[]).unwrap();
        let waiter = spawn(move || {
            let connection = Connection::open(server);
            let reply = connection.value("select 'late' from pg_advisory_lock_shared(10)");
            (reply, connection.is_ok())
        });
        while super::waiting(&mut gate, 10) < 1 {}
        waiter.cancel();
        let (reply, is_ok) = waiter.join().unwrap();
        assert!(reply.is_err());
        assert!(!is_ok, "libpq takes the connection for a good one: {reply:?}");
    });
}

#[test]
fn diesel_gives_the_connection_up() {
    let Some(server) = server::postgres() else { return };
    patched(move || {
        let mut gate = Client::connect(&server.url(), NoTls).unwrap();
        gate.execute("select pg_advisory_lock(11)", &[]).unwrap();
        let manager = ConnectionManager::<PgConnection>::new(server.conninfo());
        let pool = Pool::builder().max_size(1).build(manager).unwrap();
        let waiter = spawn({
            let pool = pool.clone();
            move || {
                let mut connection = pool.get().unwrap();
                let sql = "select 'late' from pg_advisory_lock_shared(11)";
                diesel::sql_query(sql).execute(&mut connection).is_err()
            }
        });
        while super::waiting(&mut gate, 11) < 1 {}
        waiter.cancel();
        assert!(waiter.join().unwrap());
        gate.execute("select pg_advisory_unlock(11)", &[]).unwrap();
        let mut connection = pool.get().unwrap();
        for i in 0..3 {
            let echo: i32 =
                diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(&i.to_string()))
                    .get_result(&mut connection)
                    .unwrap();
            assert_eq!(echo, i);
        }
    });
}

#[test]
fn postgres_gives_the_connection_up() {
    let Some(server) = server::postgres() else { return };
    patched(move || {
        let mut gate = Client::connect(&server.url(), NoTls).unwrap();
        gate.execute("select pg_advisory_lock(12)", &[]).unwrap();
        let waiter = spawn(move || {
            let mut client = Client::connect(&server.url(), NoTls).unwrap();
            let reply = client.execute("select 'late' from pg_advisory_lock_shared(12)", &[]);
            (reply.is_err(), client.is_closed())
        });
        while super::waiting(&mut gate, 12) < 1 {}
        waiter.cancel();
        assert_eq!(waiter.join().unwrap(), (true, true));
    });
}

#[test]
fn diesel_answers_who_asked() {
    let Some(server) = server::postgres() else { return };
    patched(move || {
        let manager = ConnectionManager::<PgConnection>::new(server.conninfo());
        let pool = Pool::builder().max_size(5).build(manager).unwrap();
        cancel_half(move |number| {
            let mut connection = pool.get().map_err(|e| e.to_string())?;
            let sql = format!("{number} from pg_sleep(0.001)");
            diesel::select(diesel::dsl::sql::<diesel::sql_types::Integer>(&sql))
                .get_result::<i32>(&mut connection)
                .map(|answer| answer as usize)
                .map_err(|e| e.to_string())
        });
    });
}
