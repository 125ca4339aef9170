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

#[test]
fn mysql_gives_the_connection_up() {
    let Some(server) = server::mariadb() else { return };
    patched(move || {
        let mut gate = super::mysql_client::connect(server);
        gate.query_drop("do get_lock('cancel', 0)").unwrap();
        let pool = mysql::Pool::new(
            OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap()).pool_opts(
                mysql::PoolOpts::new().with_constraints(mysql::PoolConstraints::new(1, 1).unwrap()),
            ),
        )
        .unwrap();
        let waiter = spawn({
            let pool = pool.clone();
            move || {
                let mut connection = pool.get_conn().unwrap();
                connection.query_first::<usize, _>("select get_lock('cancel', 100) + 6").is_err()
            }
        });
        while super::mysql_client::waiting(&mut gate, "get_lock(_cancel_") < 1 {}
        waiter.cancel();
        assert!(waiter.join().unwrap());
        gate.query_drop("do release_lock('cancel')").unwrap();
        let mut connection = pool.get_conn().unwrap();
        assert_eq!(connection.query_first::<usize, _>("select 42").unwrap(), Some(42));
    });
}

#[test]
fn redis_answers_who_asked() {
    let Some(server) = server::redis() else { return };
    patched(move || {
        let client = redis::Client::open(server.url(3)).unwrap();
        let pool = Pool::builder().max_size(5).build(client).unwrap();
        cancel_half(move |number| {
            let mut connection = pool.get().map_err(|e| e.to_string())?;
            let _: Option<(String, String)> = redis::cmd("BLPOP")
                .arg("nothing")
                .arg(0.001)
                .query(&mut *connection)
                .map_err(|e| e.to_string())?;
            redis::cmd("ECHO").arg(number).query(&mut *connection).map_err(|e| e.to_string())
        });
    });
}

#[test]
fn mysql_answers_who_asked() {
    let Some(server) = server::mariadb() else { return };
    patched(move || {
        let pool = mysql::Pool::new(
            OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap()).pool_opts(
                mysql::PoolOpts::new().with_constraints(mysql::PoolConstraints::new(5, 5).unwrap()),
            ),
        )
        .unwrap();
        cancel_half(move |number| {
            let mut connection = pool.get_conn()?;
            let answer = connection.query_first(format!("select {number} + sleep(0.001)"))?;
            Ok::<usize, mysql::Error>(answer.unwrap())
        });
    });
}

#[test]
fn mysql_in_r2d2_answers_who_asked() {
    let Some(server) = server::mariadb() else { return };
    patched(move || {
        let options = OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap());
        let manager = r2d2_mysql::MySqlConnectionManager::new(options);
        let pool = Pool::builder().max_size(5).build(manager).unwrap();
        cancel_half(move |number| {
            let mut connection = pool.get().map_err(|e| e.to_string())?;
            let answer = connection
                .query_first(format!("select {number} + sleep(0.001)"))
                .map_err(|e| e.to_string())?;
            Ok::<usize, String>(answer.unwrap())
        });
    });
}
