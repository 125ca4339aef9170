//! Cancellation in the middle of a call: an error of the library's, and nobody else reads the reply.

use greenwood_patch_components::{cancel_half, patched, server};
use greenwood_runtime::spawn;
use mysql::prelude::Queryable;
use mysql::{Opts, OptsBuilder};
use r2d2::Pool;

#[test]
fn redis_passes_the_reply_over() {
    let Some(server) = server::redis() else { return };
    patched(move || {
        let client = redis::Client::open(server.url(2)).unwrap();
        let mut observer = client.get_connection().unwrap();
        let pool = Pool::builder().max_size(1).build(client).unwrap();
        let waiter = spawn({
            let pool = pool.clone();
            move || {
                let mut connection = pool.get().unwrap();
                let reply: redis::RedisResult<(String, String)> =
                    redis::cmd("BLPOP").arg("late").arg(0).query(&mut *connection);
                reply.is_err()
            }
        });
        while super::redis_client::waiting(&mut observer, 2) < 1 {}
        waiter.cancel();
        assert!(waiter.join().unwrap());
        let () = redis::cmd("RPUSH").arg("late").arg("reply").query(&mut observer).unwrap();
        // The connection is kept: the library remembers that there is a reply to be passed over.
        let mut connection = pool.get().unwrap();
        for i in 0..3 {
            let echo: usize = redis::cmd("ECHO").arg(i).query(&mut *connection).unwrap();
            assert_eq!(echo, i);
        }
    });
}

/// Cancels a query for a lock, which is answered thereafter, and has the next one asked by another.
fn mysql_query(
    lock: &str,
    ask: impl Fn(&str) -> mysql::Result<Option<usize>> + Send + Sync + Clone + 'static,
    server: &'static server::MariaDb,
) {
    let mut gate = super::mysql_client::connect(server);
    gate.query_drop(format!("do get_lock('{lock}', 0)")).unwrap();
    let query = format!("select get_lock('{lock}', 100) + 6");
    let waiter = spawn({
        let ask = ask.clone();
        move || ask(&query).is_err()
    });
    while super::mysql_client::waiting(&mut gate, &format!("get_lock(_{lock}_")) < 1 {}
    waiter.cancel();
    assert!(waiter.join().unwrap());
    gate.query_drop(format!("do release_lock('{lock}')")).unwrap();
    assert_eq!(ask("select 42").unwrap(), Some(42));
}

#[test]
fn mysql_gives_the_connection_up() {
    let Some(server) = server::mariadb() else { return };
    patched(move || {
        let pool = mysql_pool(server, 1);
        mysql_query("own_pool", move |sql| pool.get_conn()?.query_first(sql), server);
    });
}

#[test]
fn mysql_in_r2d2_gives_the_connection_up() {
    let Some(server) = server::mariadb() else { return };
    patched(move || {
        let options = OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap());
        let manager = r2d2_mysql::MySqlConnectionManager::new(options);
        let pool = Pool::builder().max_size(1).build(manager).unwrap();
        mysql_query("r2d2", move |sql| pool.get().unwrap().query_first(sql), server);
    });
}

fn mysql_pool(server: &server::MariaDb, size: usize) -> mysql::Pool {
    let constraints = mysql::PoolConstraints::new(size, size).unwrap();
    let options = OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap())
        .pool_opts(mysql::PoolOpts::new().with_constraints(constraints));
    mysql::Pool::new(options).unwrap()
}

#[test]
fn redis_answers_who_asked() {
    let Some(server) = server::redis() else { return };
    patched(move || {
        let client = redis::Client::open(server.url(3)).unwrap();
        let pool = Pool::builder().max_size(5).build(client).unwrap();
        cancel_half(move |number| {
            let mut connection = pool.get().map_err(|e| e.to_string())?;
            redis::cmd("ECHO").arg(number).query(&mut *connection).map_err(|e| e.to_string())
        });
    });
}

#[test]
fn mysql_answers_who_asked() {
    let Some(server) = server::mariadb() else { return };
    patched(move || {
        let pool = mysql_pool(server, 5);
        cancel_half(move |number| {
            let mut connection = pool.get_conn()?;
            let answer = connection.query_first(format!("select {number} + sleep(0.001)"))?;
            Ok::<usize, mysql::Error>(answer.unwrap())
        });
    });
}
