//! Printing from everywhere into a pipe whose reader is slow. A child process prints.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Others, patched, until};
use greenwood_runtime::spawn;

const LINES: usize = 150;
const PRINTERS: usize = 8;

/// What every line ends with: enough of it to fill the pipe.
fn rest() -> String {
    "x".repeat(200)
}

#[test]
fn lines_stay_whole_and_others_run() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_child", "--nocapture"])
        .env("GREENWOOD_PRINTS", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut next = [0; PRINTERS];
    let mut said = false;
    for (i, line) in BufReader::new(child.stdout.take().unwrap()).lines().enumerate() {
        let line = line.unwrap();
        if i % 10 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        said |= line.contains("others ran");
        // The first may follow what the harness has begun to print.
        let Some(at) = line.find("printer ") else { continue };
        let mut words = line[at..].split(' ').skip(1);
        let printer: usize = words.next().unwrap().parse().unwrap();
        let number: usize = words.next().unwrap().parse().unwrap();
        assert_eq!((number, words.next()), (next[printer], Some(rest().as_str())));
        next[printer] += 1;
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(next, [LINES; PRINTERS]);
    assert!(said);
}

#[test]
fn the_child() {
    if std::env::var_os("GREENWOOD_PRINTS").is_none() {
        return;
    }
    patched(|| {
        let others = Others::new();
        let print = |printer: usize| {
            move || {
                for n in 0..LINES {
                    if n % 3 == 0 {
                        writeln!(std::io::stdout().lock(), "printer {printer} {n} {}", rest())
                            .unwrap();
                    } else {
                        println!("printer {printer} {n} {}", rest());
                    }
                }
            }
        };
        others.run_during(|| {
            let threads: Vec<_> = (0..2).map(|i| std::thread::spawn(print(i))).collect();
            let coroutines: Vec<_> = (2..PRINTERS).map(|i| spawn(print(i))).collect();
            coroutines.into_iter().for_each(|c| c.join().unwrap());
            until(|| threads.iter().all(|t| t.is_finished()));
        });
        println!("others ran");
    });
}
