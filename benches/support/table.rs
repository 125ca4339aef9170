//! Medians over rounds, beside each other and the targets.

use std::collections::BTreeMap;

use super::Contender;

/// What a figure is to stay at or below.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    None,
    /// A number each for the two modes.
    AtMost {
        own: f64,
        shared: f64,
    },
    /// The figure of the better of tokio's schedulers in the same run.
    Tokio,
}

/// One line: a figure of several contenders.
#[derive(Debug)]
pub struct Row {
    label: String,
    target: Target,
    samples: BTreeMap<Contender, Vec<f64>>,
    failures: BTreeMap<Contender, String>,
}

impl Row {
    pub fn new(label: impl Into<String>, target: Target) -> Row {
        Row { label: label.into(), target, samples: BTreeMap::new(), failures: BTreeMap::new() }
    }

    pub fn add(&mut self, contender: Contender, sample: Result<f64, String>) {
        match sample {
            Ok(value) => self.samples.entry(contender).or_default().push(value),
            Err(why) => {
                self.failures.insert(contender, why);
            }
        }
    }

    fn median(&self, contender: Contender) -> Option<f64> {
        if self.failures.contains_key(&contender) {
            return None;
        }
        self.samples.get(&contender).map(|samples| median(samples))
    }

    fn tokio(&self) -> Option<f64> {
        let both = [Contender::TokioCurrent, Contender::Tokio];
        both.into_iter().filter_map(|c| self.median(c)).min_by(f64::total_cmp)
    }

    fn cell(&self, contender: Contender) -> String {
        match self.median(contender) {
            Some(median) => {
                let lowest = self.samples[&contender].iter().copied().fold(f64::MAX, f64::min);
                format!("{} ({})", number(median), number(lowest))
            }
            None if self.failures.contains_key(&contender) => "failed".into(),
            None => "".into(),
        }
    }

    fn verdict(&self) -> String {
        let limits = match self.target {
            Target::None => return String::new(),
            Target::AtMost { own, shared } => (Some(own), Some(shared)),
            Target::Tokio => (self.tokio(), self.tokio()),
        };
        let one = |contender, limit: Option<f64>| match (self.median(contender), limit) {
            (Some(value), Some(limit)) if value <= limit => format!("≤ {} met", number(limit)),
            (Some(_), Some(limit)) => format!("≤ {} MISSED", number(limit)),
            _ => "-".into(),
        };
        format!("{}; {}", one(Contender::Own, limits.0), one(Contender::Shared, limits.1))
    }

    fn ratio(&self, contender: Contender) -> String {
        match (self.median(contender), self.tokio()) {
            (Some(value), Some(tokio)) if tokio > 0.0 => format!("{:.2}", value / tokio),
            _ => "".into(),
        }
    }
}

/// Prints rows under the heads, and why cells failed.
pub fn print(title: &str, rows: &[Row]) {
    println!("\n{title}: median (lowest)");
    print!("{:<34}", "");
    for contender in Contender::ALL {
        print!("{:>17}", contender.name());
    }
    println!("{:>11}{:>14}  target own; shared", "own/tokio", "shared/tokio");
    for row in rows {
        print!("{:<34}", row.label);
        for contender in Contender::ALL {
            print!("{:>17}", row.cell(contender));
        }
        let ratios = (row.ratio(Contender::Own), row.ratio(Contender::Shared));
        println!("{:>11}{:>14}  {}", ratios.0, ratios.1, row.verdict());
    }
    for row in rows {
        for (contender, why) in &row.failures {
            println!("  {} in \"{}\": {why}", contender.name(), row.label);
        }
    }
}

/// The middle one, or the mean of the middle two; 0 of none.
pub fn median(samples: &[f64]) -> f64 {
    percentile(samples, 0.5)
}

/// The sample below which `part` of them lie; between two, the mean.
pub fn percentile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * sorted.len().saturating_sub(1) as f64;
    match (sorted.get(place.floor() as usize), sorted.get(place.ceil() as usize)) {
        (Some(below), Some(above)) => (below + above) / 2.0,
        _ => 0.0,
    }
}

fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
