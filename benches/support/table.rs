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
    /// Half of that.
    HalfOfTokio,
    /// The figure of tokio's current_thread scheduler, where its other one gets round the work.
    TokioCurrent,
}

/// Whose figures stand below each other: a contender's, or those of what only some benchmarks look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Contender(Contender),
    /// Go's goroutines.
    Go,
    /// std, on OS threads.
    Std,
}

impl From<Contender> for Column {
    fn from(contender: Contender) -> Column {
        Column::Contender(contender)
    }
}

impl Column {
    /// Its head, and its name on a child's command line.
    pub fn name(self) -> &'static str {
        match self {
            Column::Contender(contender) => contender.name(),
            Column::Go => "go",
            Column::Std => "std",
        }
    }

    pub fn parse(name: &str) -> Column {
        match name {
            "go" => Column::Go,
            "std" => Column::Std,
            name => Column::Contender(Contender::parse(name)),
        }
    }

    /// The contenders, in every table, and the others that have something in `rows`.
    fn of(rows: &[Row]) -> Vec<Column> {
        let others = [Column::Go, Column::Std].into_iter();
        let others = others.filter(|&column| rows.iter().any(|row| row.has(column)));
        Contender::ALL.into_iter().map(Column::from).chain(others).collect()
    }
}

/// One line: a figure of several contenders.
#[derive(Debug)]
pub struct Row {
    label: String,
    target: Target,
    samples: BTreeMap<Column, Vec<f64>>,
    failures: BTreeMap<Column, String>,
    remarks: BTreeMap<Column, &'static str>,
}

impl Row {
    pub fn new(label: impl Into<String>, target: Target) -> Row {
        Row {
            label: label.into(),
            target,
            samples: BTreeMap::new(),
            failures: BTreeMap::new(),
            remarks: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, column: impl Into<Column>, sample: Result<f64, String>) {
        let column = column.into();
        match sample {
            Ok(value) => self.samples.entry(column).or_default().push(value),
            Err(why) => {
                self.failures.insert(column, why);
            }
        }
    }

    /// What stands where no sample is added.
    pub fn remark(&mut self, column: impl Into<Column>, remark: &'static str) {
        self.remarks.insert(column.into(), remark);
    }

    fn has(&self, column: Column) -> bool {
        self.samples.contains_key(&column)
            || self.failures.contains_key(&column)
            || self.remarks.contains_key(&column)
    }

    fn median(&self, column: impl Into<Column>) -> Option<f64> {
        let column = column.into();
        if self.failures.contains_key(&column) {
            return None;
        }
        self.samples.get(&column).map(|samples| median(samples))
    }

    /// What tokio's figure is for this target.
    fn tokio(&self) -> Option<f64> {
        let both = match self.target {
            Target::TokioCurrent => &[Contender::TokioCurrent][..],
            _ => &[Contender::TokioCurrent, Contender::Tokio],
        };
        both.iter().copied().filter_map(|c| self.median(c)).min_by(f64::total_cmp)
    }

    fn cell(&self, column: Column) -> String {
        match self.median(column) {
            Some(median) => {
                let lowest = self.samples[&column].iter().copied().fold(f64::MAX, f64::min);
                format!("{} ({})", number(median), number(lowest))
            }
            None if self.failures.contains_key(&column) => "failed".into(),
            None => self.remarks.get(&column).copied().unwrap_or_default().into(),
        }
    }

    fn verdict(&self) -> String {
        let limits = match self.target {
            Target::None => return String::new(),
            Target::AtMost { own, shared } => (Some(own), Some(shared)),
            Target::Tokio | Target::TokioCurrent => (self.tokio(), self.tokio()),
            Target::HalfOfTokio => {
                let half = self.tokio().map(|tokio| tokio / 2.0);
                (half, half)
            }
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
    let columns = Column::of(rows);
    print!("{:<34}", "");
    for column in &columns {
        print!("{:>17}", column.name());
    }
    println!("{:>11}{:>14}  target own; shared", "own/tokio", "shared/tokio");
    for row in rows {
        print!("{:<34}", row.label);
        for &column in &columns {
            print!("{:>17}", row.cell(column));
        }
        let ratios = (row.ratio(Contender::Own), row.ratio(Contender::Shared));
        println!("{:>11}{:>14}  {}", ratios.0, ratios.1, row.verdict());
    }
    for row in rows {
        for (column, why) in &row.failures {
            println!("  {} in \"{}\": {why}", column.name(), row.label);
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
