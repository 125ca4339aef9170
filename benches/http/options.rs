//! The command line.

use crate::contender::Contender;

/// A name and what it stands for.
pub type Named = (&'static str, &'static str);

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Options {
    pub only: Vec<&'static str>,
    pub contenders: Vec<Contender>,
    /// Smaller numbers and one round: to see that it works, not to measure.
    pub quick: bool,
    /// How often every contender has its turn.
    pub rounds: usize,
    /// Worker threads of a server that is not held on one CPU.
    pub workers: usize,
    /// Show where Greenwood's instructions go.
    pub profile: bool,
}

impl Options {
    /// Reads the command line; answers `--help` and mistakes itself.
    pub fn parse(measurements: &[Named], rounds: usize) -> Options {
        // Cargo passes it to every benchmark, except in `cargo test --all-targets`, which must end soon.
        let bench = std::env::args().any(|arg| arg == "--bench");
        match read(std::env::args().skip(1), measurements, rounds, !bench) {
            Ok(Some(options)) => options,
            Ok(None) => {
                println!("{}", help(measurements, rounds));
                std::process::exit(0)
            }
            // Meant for the tests beside it.
            Err(_) if !bench => std::process::exit(0),
            Err(what) => {
                eprintln!("{what}\n\n{}", help(measurements, rounds));
                std::process::exit(2)
            }
        }
    }
}

/// `None` when help was asked for.
fn read(
    mut args: impl Iterator<Item = String>,
    measurements: &[Named],
    default_rounds: usize,
    quick: bool,
) -> Result<Option<Options>, String> {
    let mut options = Options {
        only: measurements.iter().map(|&(name, _)| name).collect(),
        contenders: Contender::ALL.to_vec(),
        quick,
        rounds: 0,
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        profile: false,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match &*arg {
            "--bench" => {}
            "--help" | "-h" => return Ok(None),
            "--quick" => options.quick = true,
            "--profile" => options.profile = true,
            "--rounds" => options.rounds = from_one(&arg, &value()?)?,
            "--workers" => options.workers = from_one(&arg, &value()?)?,
            "--only" => {
                options.only = each(&value()?, "measurement", |name| {
                    measurements.iter().map(|&(known, _)| known).find(|&known| known == name)
                })?;
            }
            "--contenders" => {
                options.contenders = each(&value()?, "contender", Contender::parse)?;
            }
            _ => return Err(format!("unknown argument {arg}")),
        }
    }
    if options.rounds == 0 {
        options.rounds = if options.quick { 1 } else { default_rounds };
    }
    Ok(Some(options))
}

fn from_one(option: &str, value: &str) -> Result<usize, String> {
    value.parse().ok().filter(|&n| n > 0).ok_or(format!("{option} needs a number from 1"))
}

/// What the names in a list with commas stand for.
fn each<T>(list: &str, what: &str, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    list.split(',').map(|name| find(name).ok_or(format!("no {what} is called {name}"))).collect()
}

fn help(measurements: &[Named], rounds: usize) -> String {
    let lines: String =
        measurements.iter().map(|(name, what)| format!("\n    {name:<14}{what}")).collect();
    let contenders = Contender::ALL.map(Contender::name).join(", ");
    format!(
        "HTTP servers beside each other: what a plain-text request, a connection and an idle connection cost.\n\n\
         Usage: cargo bench --bench http -- [OPTIONS]\n\n\
         --only NAME[,NAME]        only these measurements:{lines}\n\
         --contenders NAME[,NAME]  only these of {contenders}\n\
         --rounds N                how often every contender has its turn (default {rounds})\n\
         --workers N               worker threads of a server that is not held on one CPU (default: one a core)\n\
         --quick                   small numbers, one round: checks that all run, measures little\n\
         --profile                 with instructions: where Greenwood's go, by function and line"
    )
}
