//! The ways in which programs are built and linked: wherever the patch is installed, calls arrive in it; elsewhere it says so.
//!
//! Each builds a program of `fixtures/builds`, in a target folder of their own that keeps what they share.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// One folder for all, beside the workspace's own.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("builds")
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/builds")
}

/// Runs a command that must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|s| String::from_utf8_lossy(s).into_owned()).concat()
}

/// Whether a tool is there. Where everything should be, a missing one fails.
fn is_there(what: &str, there: bool) -> bool {
    assert!(there || std::env::var_os("CI").is_none(), "missing: {what}");
    if !there {
        eprintln!("skipped: {what} is missing");
    }
    there
}

fn has_cc() -> bool {
    is_there(
        "cc (apt-get install gcc libc6-dev)",
        Command::new("cc").arg("--version").output().is_ok(),
    )
}

fn cc(arguments: &[&OsStr]) {
    run(Command::new("cc").args(arguments));
}

/// A package with the fixtures, and this workspace's versions of what they depend on.
fn manifest() -> &'static Path {
    static MANIFEST: OnceLock<PathBuf> = OnceLock::new();
    MANIFEST.get_or_init(|| {
        let (folder, fixtures) = (folder(), fixtures());
        std::fs::create_dir_all(&folder).unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = format!(
            r#"[package]
name = "builds"
edition = "2024"
[workspace]
[lib]
name = "plugin"
crate-type = ["cdylib"]
path = {plugin:?}
[[bin]]
name = "program"
path = {program:?}
[[bin]]
name = "fixed"
path = {fixed:?}
[dependencies]
greenwood-patch = {{ path = {patch:?} }}
greenwood-runtime = {{ path = {runtime:?} }}
libc = "0.2"
[profile.dev]
debug = false
[profile.fat]
inherits = "release"
lto = "fat"
strip = true
[profile.small]
inherits = "release"
opt-level = "s"
codegen-units = 1
"#,
            plugin = fixtures.join("plugin.rs"),
            program = fixtures.join("program.rs"),
            fixed = fixtures.join("fixed.rs"),
            patch = workspace.join("patch"),
            runtime = workspace.join("runtime"),
        );
        let path = folder.join("Cargo.toml");
        std::fs::write(&path, text).unwrap();
        let _ = std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock"));
        path
    })
}

/// Builds `what` with cargo, which runs one build in a folder at a time.
fn cargo(what: &[&str], rustc: &[String], flags: &str) {
    let mut command = Command::new(env!("CARGO"));
    command.arg("rustc").arg("--quiet").arg("--offline").arg("--manifest-path").arg(manifest());
    command.arg("--target-dir").arg(folder().join("target")).args(what).arg("--").args(rustc);
    command.env_remove("CARGO_TARGET_DIR").env("RUSTFLAGS", flags);
    // What cargo tells tests, and would tell this build's scripts.
    for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("CARGO_") && n != "CARGO_HOME")
    {
        command.env_remove(name);
    }
    run(&mut command);
}

/// The folder with the C library, and two copies of it to be loaded.
fn c_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = folder().join("c");
        std::fs::create_dir_all(&folder).unwrap();
        let source = fixtures().join("blocking.c");
        for name in ["libblocking.so", "plugin.so", "plugin.so.deep"] {
            // Each a file of its own under a name of its own: the dynamic linker loads no file, and no name, twice.
            let (path, soname) = (folder.join(name), format!("-Wl,-soname,{name}"));
            cc(&[
                "-shared".as_ref(),
                "-fPIC".as_ref(),
                "-O2".as_ref(),
                soname.as_ref(),
                "-o".as_ref(),
                path.as_ref(),
                source.as_ref(),
                "-pthread".as_ref(),
            ]);
        }
        folder
    })
}

/// Builds the program with a profile and a few more flags, and runs it.
fn program(profile: &str, flags: &[&str]) {
    if !has_cc() {
        return;
    }
    let library = c_library();
    let mut rustc = vec![
        format!("-Lnative={}", library.display()),
        format!("-Clink-arg=-Wl,-rpath,{}", library.display()),
    ];
    rustc.extend(flags.iter().map(|f| f.to_string()));
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    // Until it has run: the next is built in the same place.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    cargo(&["--bin", "program", "--profile", profile], &rustc, "");
    let place = if profile == "dev" { "debug" } else { profile };
    let path = folder().join("target").join(place).join("program");
    let said = run(Command::new(path).arg(library.join("plugin.so")));
    assert_eq!(said, "yielded\n");
}

#[test]
fn debug() {
    program("dev", &[]);
}

#[test]
fn release() {
    program("release", &[]);
}

#[test]
fn fat_lto_and_stripped() {
    program("fat", &[]);
}

#[test]
fn small_in_one_unit() {
    program("small", &[]);
}

#[test]
fn other_linkers() {
    for (name, found) in [("bfd", "ld.bfd"), ("gold", "ld.gold"), ("lld", "ld.lld")] {
        let there = Command::new(found).arg("--version").output().is_ok();
        if is_there(&format!("{found} (apt-get install binutils lld)"), there) {
            program("dev", &[&format!("-Clink-arg=-fuse-ld={name}")]);
        }
    }
}

#[test]
fn immediate_and_lazy_binding() {
    for binding in ["now", "lazy"] {
        program("dev", &[&format!("-Clink-arg=-Wl,-z,{binding}")]);
    }
}

/// Symbols of a plugin come after those of libc, which the program has linked: other libraries' calls do not arrive in it.
#[test]
fn a_plugin_says_that_nothing_arrives() {
    if !has_cc() {
        return;
    }
    cargo(&["--lib"], &[], "");
    let (plugin, host) = (folder().join("target/debug/libplugin.so"), folder().join("host"));
    let source = fixtures().join("host.c");
    cc(&["-o".as_ref(), host.as_ref(), source.as_ref(), "-ldl".as_ref()]);
    let said = run(Command::new(&host).arg(&plugin));
    let (first, rest) = said.split_once('\n').unwrap();
    assert!(first.starts_with("calls of ") && first.ends_with(" do not arrive"), "{said}");
    assert_eq!(rest, "42\n");
}

/// Linked with the program, a library comes before libc, and is as good as the program itself.
#[test]
fn a_linked_library_may_hold_the_patch() {
    if !has_cc() {
        return;
    }
    cargo(&["--lib"], &[], "");
    let (plugins, host) = (folder().join("target/debug"), folder().join("linked-host"));
    let (source, search) = (fixtures().join("host.c"), format!("-L{}", plugins.display()));
    let path = format!("-Wl,-rpath,{}", plugins.display());
    cc(&[
        "-DLINKED".as_ref(),
        "-o".as_ref(),
        host.as_ref(),
        source.as_ref(),
        search.as_ref(),
        path.as_ref(),
        "-lplugin".as_ref(),
    ]);
    assert_eq!(run(&mut Command::new(&host)), "installed\n42\n");
}

#[test]
fn linked_statically() {
    cargo(
        &["--bin", "fixed", "--target", "x86_64-unknown-linux-gnu"],
        &[],
        "-Ctarget-feature=+crt-static",
    );
    let said = run(&mut Command::new(folder().join("target/x86_64-unknown-linux-gnu/debug/fixed")));
    assert_eq!(said, "unsupported, 55\n");
}

#[test]
fn linked_with_musl() {
    let target = "x86_64-unknown-linux-musl";
    let libraries =
        run(Command::new("rustc").args(["--print", "target-libdir", "--target", target]));
    // No package of a distribution's: not everywhere to be had.
    if !Path::new(libraries.trim()).is_dir() {
        eprintln!("skipped: the target is missing (rustup target add {target})");
        return;
    }
    cargo(&["--bin", "fixed", "--target", target], &[], "");
    let said = run(&mut Command::new(folder().join("target").join(target).join("debug/fixed")));
    assert_eq!(said, "unsupported, 55\n");
}
