//! The benchmarks' command line.

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only cases whose name contains this.
    pub filter: Option<String>,
    /// Smaller numbers and one round: to see that it works, not to measure.
    pub quick: bool,
    /// How often every contender has its turn.
    pub rounds: usize,
}

impl Options {
    /// Reads the command line; answers `--help` and mistakes itself.
    pub fn parse(about: &str, cases: &[&str], default_rounds: usize) -> Options {
        let help = format!(
            "{about}\n\nUsage: cargo bench --bench NAME -- [FILTER] [--quick] [--rounds N]\n\n\
             FILTER     only cases whose name contains it: {}\n\
             --quick    small numbers, one round: checks that all run, measures little\n\
             --rounds N how often every contender has its turn (default {default_rounds})",
            cases.join(", ")
        );
        // Cargo passes it to every benchmark, except in `cargo test --all-targets`, which must end soon.
        let bench = std::env::args().any(|arg| arg == "--bench");
        let refuse = |what: String| -> ! {
            if !bench {
                // Meant for the tests beside it.
                std::process::exit(0)
            }
            eprintln!("{what}\n\n{help}");
            std::process::exit(2)
        };
        let mut options = Options { filter: None, quick: !bench, rounds: 0 };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match &*arg {
                "--bench" => {}
                "--quick" => options.quick = true,
                "--rounds" => match args.next().map(|n| n.parse()) {
                    Some(Ok(n)) if n > 0 => options.rounds = n,
                    _ => refuse("--rounds needs a number from 1".into()),
                },
                "--help" | "-h" => {
                    println!("{help}");
                    std::process::exit(0)
                }
                flag if flag.starts_with('-') => refuse(format!("unknown option {flag}")),
                filter if cases.iter().any(|case| case.contains(filter)) => {
                    options.filter = Some(filter.into())
                }
                other => refuse(format!("no case contains \"{other}\"")),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 1 } else { default_rounds };
        }
        options
    }

    /// Whether the case is to run.
    pub fn wants(&self, case: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| case.contains(filter.as_str()))
    }
}
