//! Cancellation in the middle of a call: an error of the library's, and nobody else reads the reply.

use greenwood_patch_components::{patched, server};
use greenwood_runtime::spawn;
use mysql::Opts;
use mysql::prelude::Queryable;
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
            mysql::OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap()).pool_opts(
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
