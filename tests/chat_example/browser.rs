//! A headless Chromium, driven by the W3C's WebDriver protocol: JSON over HTTP to Debian's `chromedriver`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::chat::WATCHDOG;

/// The key of an element's id (WebDriver section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// The window that is there from the start, and stays.
    home: Value,
    profile: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

/// One at a time is enough for a small machine.
static ALONE: Mutex<()> = Mutex::new(());

impl Browser {
    /// `None` if there is no browser here, which must not be where everything is tested.
    pub fn start() -> Option<Browser> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "no chromedriver: {error}");
                println!("skipped: chromium and chromium-driver are not installed");
                return None;
            }
        };
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // It must not be stopped by a full pipe.
        std::thread::spawn(move || lines.for_each(drop));

        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile = format!("greenwood-chat-{}-{number}", std::process::id());
        let profile = std::env::temp_dir().join(profile);
        let mut browser = Browser {
            driver,
            port: port.unwrap(),
            session: String::new(),
            home: Value::Null,
            _alone: alone,
            profile,
        };
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=560,640",
        ];
        let profile = format!("--user-data-dir={}", browser.profile.display());
        let arguments: Vec<&str> = flags.into_iter().chain([&*profile]).collect();
        let options = json!({ "args": arguments });
        let capabilities =
            json!({ "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } });
        let session = browser.call("POST", "/session", &json!({ "capabilities": capabilities }));
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        let path = format!("{}/window", browser.session);
        browser.home = json!({ "handle": browser.call("GET", &path, &Value::Null) });
        Some(browser)
    }

    /// Opens a page in a window of its own.
    pub fn open(&self, url: &str) -> Page<'_> {
        let window = self.post("/window/new", &json!({ "type": "window" }));
        let page = Page { browser: self, window: window["handle"].as_str().unwrap().to_owned() };
        page.post("/url", &json!({ "url": url }));
        page
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    /// The value that a command comes to.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).unwrap()
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(WATCHDOG))?;
        let body = if method == "POST" { body.to_string() } else { String::new() };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        let mut status = String::new();
        reader.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.to_ascii_lowercase().trim_end().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer)?;
        let mut answer: Value = serde_json::from_slice(&answer)?;
        if status.contains(" 200 ") {
            return Ok(answer["value"].take());
        }
        Err(io::Error::other(format!("{method} {path}: {answer}")))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser, which the driver's own end would not.
        let _ = self.try_call("DELETE", &self.session, &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

pub struct Page<'b> {
    browser: &'b Browser,
    window: String,
}

impl Page<'_> {
    fn post(&self, path: &str, body: &Value) -> Value {
        self.browser.post("/window", &json!({ "handle": self.window }));
        self.browser.post(path, body)
    }

    fn element(&self, selector: &str) -> String {
        let query = json!({ "using": "css selector", "value": selector });
        self.post("/element", &query)[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Replaces what is in a field, key by key.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// What a function's body returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a function's body returns this.
    pub fn wait_for(&self, script: &str, expected: &Value) {
        let deadline = Instant::now() + WATCHDOG;
        loop {
            let found = self.run(script);
            if found == *expected {
                return;
            }
            assert!(Instant::now() < deadline, "{script}: {found} instead of {expected}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        let path = format!("{}/window", self.browser.session);
        let this = json!({ "handle": self.window });
        for (method, body) in [("POST", &this), ("DELETE", &this), ("POST", &self.browser.home)] {
            let _ = self.browser.try_call(method, &path, body);
        }
    }
}
