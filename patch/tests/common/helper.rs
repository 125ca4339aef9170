//! A second process: a copy of this test's own, told what to do by an environment variable.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

const TASK: &str = "GREENWOOD_TEST_TASK";

/// What this process is to do, in a helper.
pub fn task() -> Option<String> {
    std::env::var(TASK).ok()
}

/// In a helper: tells the test of a step.
pub fn say(what: &str) {
    println!("helper: {what}");
    std::io::stdout().flush().unwrap();
}

/// In a helper: waits until the test says that it may go on. False if it has gone.
pub fn heed() -> bool {
    std::io::stdin().lock().read_line(&mut String::new()).unwrap_or(0) > 0
}

pub struct Helper {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Helper {
    /// Starts `test` of this file, which is to look at [`task`].
    pub fn start(test: &str, task: &str) -> Helper {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(TASK, task)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Helper { child, said }
    }

    /// Waits for the next thing it says.
    pub fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "the helper ended");
            // What the harness prints may stand before it.
            if let Some((_, said)) = line.trim_end().split_once("helper: ") {
                return said.to_owned();
            }
        }
    }

    pub fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
