//! What callgrind counted, by function and by line of source.

use std::collections::HashMap;

/// How many lines of each listing are shown.
const SHOWN: usize = 40;

/// Instructions.
#[derive(Debug, Default)]
pub struct Profile {
    /// By function, without the functions it calls. What was inlined counts for the function it went into.
    own: HashMap<String, f64>,
    /// By function, with all that it calls.
    inclusive: HashMap<String, f64>,
    /// By file and line, wherever it was inlined.
    lines: HashMap<String, f64>,
    /// By file.
    files: HashMap<String, f64>,
}

impl Profile {
    /// Reads a file in callgrind's format, version 1, with neither names nor positions compressed.
    pub fn parse(text: &str) -> Profile {
        let mut profile = Profile::default();
        let (mut function, mut file) = ("", "");
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = name;
            } else if let Some(name) =
                ["fl=", "fi=", "fe="].iter().find_map(|key| line.strip_prefix(key))
            {
                file = name;
            } else if line.starts_with("calls=") {
                // The next line has what the called function took, at the line of the call.
                let cost = lines.next().and_then(cost).map_or(0.0, |(_, cost)| cost);
                *profile.inclusive.entry(function.into()).or_default() += cost;
            } else if let Some((number, cost)) = cost(line) {
                *profile.own.entry(function.into()).or_default() += cost;
                *profile.inclusive.entry(function.into()).or_default() += cost;
                *profile.lines.entry(format!("{}:{number}", short(file))).or_default() += cost;
                *profile.files.entry(short(file).into()).or_default() += cost;
            }
        }
        profile
    }

    /// What has come since `before`, for each of `count`.
    pub fn each_since(&self, before: &Profile, count: usize) -> Profile {
        let each = |now: &HashMap<String, f64>, before: &HashMap<String, f64>| {
            let since = |(name, cost): (&String, &f64)| {
                let cost = cost - before.get(name).unwrap_or(&0.0);
                (name.clone(), cost / count as f64)
            };
            now.iter().map(since).collect()
        };
        Profile {
            own: each(&self.own, &before.own),
            inclusive: each(&self.inclusive, &before.inclusive),
            lines: each(&self.lines, &before.lines),
            files: each(&self.files, &before.files),
        }
    }

    pub fn print(&self, name: &str) {
        let total: f64 = self.own.values().sum();
        println!("\nprofile of {name}: {total:.0} instructions a request, by callgrind");
        list("by function, itself with what was inlined into it", &self.own);
        list(
            "by function, with all that it calls (a switch of stacks may be counted twice)",
            &self.inclusive,
        );
        list("by file, wherever it was inlined", &self.files);
        list("by line", &self.lines);
    }
}

fn list(title: &str, costs: &HashMap<String, f64>) {
    println!("\n  {title}");
    let mut sorted: Vec<_> = costs.iter().filter(|&(_, &cost)| cost >= 0.5).collect();
    sorted.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    for (name, cost) in sorted.iter().take(SHOWN) {
        println!("{cost:>10.1}  {name}");
    }
}

/// A line of source and what it took.
fn cost(line: &str) -> Option<(u64, f64)> {
    let (number, cost) = line.split_once(' ')?;
    Some((number.parse().ok()?, cost.parse().ok()?))
}

/// The path without where it lies on this machine.
fn short(path: &str) -> &str {
    let places = ["/registry/src/", "/library/", concat!(env!("CARGO_MANIFEST_DIR"), "/")];
    let cut = |place: &&str| path.find(*place).map(|i| &path[i + place.len()..]);
    places.iter().find_map(cut).unwrap_or(path)
}
