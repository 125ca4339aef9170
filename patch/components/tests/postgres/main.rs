//! Clients of a real PostgreSQL server.

mod cancel;
mod client;
mod libpq;
mod pool;

/// How many wait for the advisory lock `key`.
fn waiting(observer: &mut postgres::Client, key: u32) -> i64 {
    let sql =
        "select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = $1";
    observer.query_one(sql, &[&key]).unwrap().get(0)
}
