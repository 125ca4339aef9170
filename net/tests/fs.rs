//! Files: std's results on a thread and on a coroutine, and a worker that is free meanwhile.

mod common;

use common::*;
use greenwood_net::fs;
use greenwood_runtime::{Runtime, spawn, yield_now};
use std::ffi::CString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let path = std::env::temp_dir().join(format!("greenwood-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Dir(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A pipe with a name: who opens it waits for the other side, as for a slow disk.
fn fifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the string lives over the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

#[test]
fn each_function_does_what_stds_does() {
    both(|| {
        let dir = Dir::new("fs");
        let (a, b, nested) = (dir.0.join("a"), dir.0.join("b"), dir.0.join("c/d"));
        fs::write(&a, [1, 2, 3]).unwrap();
        assert_eq!(fs::read(&a).unwrap(), [1, 2, 3]);
        assert_eq!(fs::copy(&a, &b).unwrap(), 3);
        fs::rename(&b, dir.0.join("e")).unwrap();
        assert!(!fs::exists(&b).unwrap());
        fs::hard_link(&a, &b).unwrap();
        fs::remove_file(&a).unwrap();
        assert_eq!(std::fs::read(&b).unwrap(), [1, 2, 3]);
        assert_eq!(fs::metadata(&b).unwrap().len(), 3);
        let mut permissions = fs::metadata(&b).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&b, permissions).unwrap();
        assert!(std::fs::metadata(&b).unwrap().permissions().readonly());

        fs::create_dir(dir.0.join("c")).unwrap();
        fs::remove_dir(dir.0.join("c")).unwrap();
        fs::create_dir_all(&nested).unwrap();
        assert!(nested.is_dir());
        std::os::unix::fs::symlink(&nested, &a).unwrap();
        assert_eq!(fs::read_link(&a).unwrap(), nested);
        assert!(fs::symlink_metadata(&a).unwrap().is_symlink());
        assert_eq!(fs::canonicalize(&a).unwrap(), std::fs::canonicalize(&nested).unwrap());
        fs::remove_dir_all(dir.0.join("c")).unwrap();
        assert!(!nested.exists());

        assert_eq!(fs::read(&nested).unwrap_err().kind(), ErrorKind::NotFound);
        fs::write(nested.with_file_name("f"), "").unwrap_err();
        std::fs::write(dir.0.join("g"), [0xff]).unwrap();
        let error = fs::read_to_string(dir.0.join("g")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    });
}

#[test]
fn others_run_while_a_file_is_awaited() {
    let runtime = Runtime::builder().workers(1).build().unwrap();
    watched("the only worker", || {
        runtime.run(|| {
            let dir = Dir::new("fs-yields");
            let path = dir.0.join("fifo");
            fifo(&path);
            let reading = spawn({
                let path = path.clone();
                move || fs::read_to_string(path)
            });
            fs::write(&path, "through the pipe").unwrap();
            assert_eq!(reading.join().unwrap().unwrap(), "through the pipe");
        });
    });
}

#[test]
fn cancelling_returns_ecanceled() {
    let runtime = Runtime::builder().workers(1).build().unwrap();
    watched("the only worker", || {
        runtime.run(|| {
            let dir = Dir::new("fs-cancel");
            let path = dir.0.join("fifo");
            fifo(&path);
            let reading = spawn({
                let path = path.clone();
                move || fs::read(path)
            });
            while reading.coroutine().waits_for() != Some("offload") {
                yield_now();
            }
            reading.cancel();
            let error = reading.join().expect("no unwinding").unwrap_err();
            assert_eq!(errno(&error), Some(libc::ECANCELED));
            // Lets the thread go that still waits.
            fs::write(&path, "").unwrap();
        });
    });
}
