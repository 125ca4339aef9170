//! Both ways to stay below a directory.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::open_beneath_by_steps as open_by_steps;
use crate::sys;

/// A folder with a root in it that has links in all directions.
fn tree(name: &str) -> PathBuf {
    let top = std::env::temp_dir().join(format!("greenwood-{name}-{}", std::process::id()));
    let root = top.join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(top.join("secret"), "secret").unwrap();
    fs::write(root.join("file"), "file").unwrap();
    fs::write(root.join("a/b/deep"), "deep").unwrap();
    for (target, link) in [
        ("file", "to-file"),
        ("./a//b", "to-b"),
        ("../file", "a/up"),
        ("to-b/deep", "twice"),
        ("b/../../file", "a/down-and-up"),
        ("..", "a/parent"),
        ("../secret", "out"),
        ("../root/file", "out-and-in"),
        ("../../secret", "a/out"),
        ("a/../..", "top"),
        ("/etc/passwd", "absolute"),
        ("/", "slash"),
        ("nothing", "dangling"),
        ("circle", "circle"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    symlink(root.join("file"), root.join("absolute-inside")).unwrap();
    top
}

type Open = fn(BorrowedFd<'_>, &Path, OFlags) -> io::Result<OwnedFd>;

fn by_kernel(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    sys::open_beneath(root, path, flags, false)
}

/// The kernel's way and the one by hand are told apart by nothing.
#[test]
fn stays_beneath() {
    let ways: [(&str, Open); 2] = [("kernel", by_kernel), ("steps", open_by_steps)];
    for (way, open) in ways {
        let top = tree(way);
        let root = File::open(top.join("root")).unwrap();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let open = |path: &str| open(root.as_fd(), Path::new(path), flags).map(File::from);
        for (path, content) in [
            ("file", "file"),
            ("a/b/deep", "deep"),
            ("to-file", "file"),
            ("to-b/deep", "deep"),
            ("a/up", "file"),
            ("twice", "deep"),
            ("a/down-and-up", "file"),
            ("a/parent/file", "file"),
        ] {
            let mut text = String::new();
            open(path).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, content, "{way}: {path}");
        }
        for (path, inside) in [(".", "file"), ("to-b", "deep"), ("a/parent", "a"), ("a/b", "deep")]
        {
            let directory = open(path).unwrap();
            let names: Vec<_> = rustix::fs::Dir::read_from(&directory).unwrap().collect();
            let mut names = names.iter().map(|e| e.as_ref().unwrap().file_name());
            assert!(names.any(|name| name.to_str() == Ok(inside)), "{way}: {path}");
        }
        for (path, error) in [
            ("out", Errno::XDEV),
            ("out-and-in", Errno::XDEV),
            ("a/out", Errno::XDEV),
            ("top", Errno::XDEV),
            ("top/secret", Errno::XDEV),
            ("..", Errno::XDEV),
            ("a/../../secret", Errno::XDEV),
            ("absolute", Errno::XDEV),
            ("absolute-inside", Errno::XDEV),
            ("slash/etc/passwd", Errno::XDEV),
            ("dangling", Errno::NOENT),
            ("nothing", Errno::NOENT),
            ("circle", Errno::LOOP),
            ("file/x", Errno::NOTDIR),
            ("to-file/x", Errno::NOTDIR),
            ("file/..", Errno::NOTDIR),
        ] {
            let found = open(path).map(drop).map_err(|e| Errno::from_io_error(&e));
            assert_eq!(found, Err(Some(error)), "{way}: {path}");
        }
        fs::remove_dir_all(top).unwrap();
    }
}

/// Another process swaps a folder for a link to the outside all the time: what is opened is inside or nothing.
#[test]
fn stays_beneath_while_others_rename() {
    let ways: [(&str, Open); 2] = [("swap-kernel", by_kernel), ("swap-steps", open_by_steps)];
    for (way, open) in ways {
        let top = tree(way);
        let root = top.join("root");
        fs::create_dir(top.join("outside")).unwrap();
        fs::write(top.join("outside/file"), "secret").unwrap();
        fs::create_dir(root.join("x")).unwrap();
        fs::write(root.join("x/file"), "inside").unwrap();
        symlink(top.join("outside"), root.join("y")).unwrap();
        let directory = File::open(&root).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for (from, to) in [("x", "z"), ("y", "x"), ("x", "y"), ("z", "x")] {
                        fs::rename(root.join(from), root.join(to)).unwrap();
                    }
                }
            });
            let (mut opened, mut texts) = (0, HashSet::new());
            for _ in 0..1_000_000 {
                let path = Path::new("x/file");
                if let Ok(fd) = open(directory.as_fd(), path, OFlags::RDONLY) {
                    let mut text = String::new();
                    File::from(fd).read_to_string(&mut text).unwrap();
                    texts.insert(text);
                    opened += 1;
                }
                if opened == 1_000 {
                    break;
                }
            }
            stop.store(true, Ordering::Relaxed);
            assert_eq!(texts, HashSet::from(["inside".to_owned()]), "{way}");
        });
        fs::remove_dir_all(top).unwrap();
    }
}
