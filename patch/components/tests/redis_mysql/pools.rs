//! Pools: r2d2 with redis and with mysql, a hundred coroutines over ten connections.

use greenwood_patch_components::server::{mariadb, redis as redis_server};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use mysql::prelude::Queryable;
use mysql::{Opts, OptsBuilder};
use r2d2::Pool;
use r2d2_mysql::MySqlConnectionManager;

#[test]
fn redis_answers_who_asked() {
    let Some(server) = redis_server() else { return };
    patched(move || {
        let client = redis::Client::open(server.url(1)).unwrap();
        let mut observer = client.get_connection().unwrap();
        let pool = Pool::builder().max_size(10).build(client).unwrap();
        let askers = spawn_all(100, move |i| {
            let mut connection = pool.get().unwrap();
            // The first ten wait for each other's help.
            let turn: (String, usize) =
                redis::cmd("BLPOP").arg("pool").arg(0).query(&mut *connection).unwrap();
            let () =
                redis::cmd("RPUSH").arg("pool").arg(turn.1 + 1).query(&mut *connection).unwrap();
            for round in 0..5 {
                let echo: String =
                    redis::cmd("ECHO").arg(format!("{i} {round}")).query(&mut *connection).unwrap();
                assert_eq!(echo, format!("{i} {round}"));
            }
        });
        let others = Others::new();
        others.run_during(|| while super::redis_client::waiting(&mut observer, 1) < 10 {});
        let () = redis::cmd("RPUSH").arg("pool").arg(0).query(&mut observer).unwrap();
        join_all(askers);
        let turns: (String, usize) =
            redis::cmd("BLPOP").arg("pool").arg(0).query(&mut observer).unwrap();
        assert_eq!(turns.1, 100);
    });
}

#[test]
fn mysql_answers_who_asked() {
    let Some(server) = mariadb() else { return };
    patched(move || {
        let mut observer = super::mysql_client::connect(server);
        observer.query_drop("do get_lock('pool', 0)").unwrap();
        let options = OptsBuilder::from_opts(Opts::from_url(&server.url()).unwrap());
        let manager = MySqlConnectionManager::new(options);
        let pool = Pool::builder().max_size(10).build(manager).unwrap();
        let askers = spawn_all(100, move |i| {
            let mut connection = pool.get().unwrap();
            let sql = "select get_lock('pool', 100), release_lock('pool'), ?";
            let first: (usize, usize, usize) = connection.exec_first(sql, (i,)).unwrap().unwrap();
            assert_eq!(first.2, i);
            for round in 0..5 {
                let echo: Option<String> =
                    connection.query_first(format!("select '{i} {round}'")).unwrap();
                assert_eq!(echo.unwrap(), format!("{i} {round}"));
            }
        });
        let others = Others::new();
        others.run_during(|| {
            while super::mysql_client::waiting(&mut observer, "get_lock(_pool_") < 10 {}
        });
        observer.query_drop("do release_lock('pool')").unwrap();
        join_all(askers);
    });
}
