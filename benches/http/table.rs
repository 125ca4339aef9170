//! Medians over rounds, beside each other and what is to be reached.

use std::collections::BTreeMap;

use crate::contender::Contender;
use crate::support::table::{median, percentile};

/// One line: a figure of several contenders.
#[derive(Debug)]
pub struct Row {
    label: String,
    /// What Greenwood is to stay at or below.
    reach: Option<f64>,
    decimals: usize,
    samples: BTreeMap<Contender, Vec<f64>>,
    failures: BTreeMap<Contender, String>,
}

impl Row {
    pub fn new(label: impl Into<String>) -> Row {
        Row {
            label: label.into(),
            reach: None,
            decimals: 0,
            samples: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    pub fn reach(mut self, reach: f64) -> Row {
        self.reach = Some(reach);
        self
    }

    /// How many digits stand after the point.
    pub fn decimals(mut self, decimals: usize) -> Row {
        self.decimals = decimals;
        self
    }

    pub fn add(&mut self, contender: Contender, sample: Result<f64, String>) {
        match sample {
            Ok(value) => self.samples.entry(contender).or_default().push(value),
            Err(why) => {
                self.failures.insert(contender, why);
            }
        }
    }

    /// The figures divided by those of `base` at the same time.
    pub fn divided_by(&self, base: Contender, label: &str) -> Row {
        let mut row = Row::new(label).decimals(3);
        let Some(bases) = self.samples.get(&base) else { return row };
        for (&contender, samples) in self.samples.iter().filter(|&(&c, _)| !self.failed(c)) {
            let ratios = samples.iter().zip(bases).map(|(sample, base)| sample / base);
            row.samples.insert(contender, ratios.collect());
        }
        row
    }

    /// What the measurement's own tables say of failures and spread is left out.
    pub fn summary(&self) -> Row {
        let mut row = Row::new(&self.label).decimals(self.decimals);
        row.reach = self.reach;
        for &contender in self.samples.keys() {
            if let Some(median) = self.median(contender) {
                row.samples.insert(contender, vec![median]);
            }
        }
        row
    }

    /// A contender that failed once has no figure: its rounds would no longer be the others'.
    fn failed(&self, contender: Contender) -> bool {
        self.failures.contains_key(&contender)
    }

    fn median(&self, contender: Contender) -> Option<f64> {
        let samples = self.samples.get(&contender).filter(|_| !self.failed(contender));
        samples.map(|samples| median(samples))
    }

    /// As it is shown; never a negative zero.
    fn rounded(&self, value: f64) -> f64 {
        let unit = 10f64.powi(self.decimals as i32);
        (value * unit).round() / unit + 0.0
    }

    fn cell(&self, contender: Contender) -> String {
        let number = |value| format!("{:.*}", self.decimals, self.rounded(value));
        match (self.median(contender), &self.samples.get(&contender).map(Vec::as_slice)) {
            (Some(median), Some(samples)) => {
                // Of many samples the extremes say what the neighbours did.
                let edge = if samples.len() > 10 { 0.25 } else { 0.0 };
                let (low, high) = (percentile(samples, edge), percentile(samples, 1.0 - edge));
                match (number(median), number(low), number(high)) {
                    (median, low, high) if low == high => median,
                    (median, low, high) => format!("{median} ({low}-{high})"),
                }
            }
            _ if self.failed(contender) => "failed".into(),
            _ => "-".into(),
        }
    }

    fn verdict(&self) -> String {
        let Some(reach) = self.reach else { return String::new() };
        let verdict = match self.median(Contender::Own) {
            Some(value) if self.rounded(value) <= reach => " met",
            Some(_) => " MISSED",
            None => "",
        };
        format!("≤ {reach}{verdict}")
    }
}

/// What stands above rows.
#[derive(Debug)]
pub struct Table {
    title: String,
    notes: Vec<String>,
}

impl Table {
    pub fn new(title: impl Into<String>) -> Table {
        Table { title: title.into(), notes: Vec::new() }
    }

    /// What a reader must know of how the figures came about.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Prints the rows, and why cells failed.
    pub fn print(&self, rows: &[&Row]) {
        println!("\n{}", self.title);
        for note in &self.notes {
            println!("  {note}");
        }
        print!("{:<34}", "");
        for contender in Contender::ALL {
            print!("{:>23}", contender.name());
        }
        println!("  reach (own)");
        for row in rows {
            print!("{:<34}", row.label);
            for contender in Contender::ALL {
                print!("{:>23}", row.cell(contender));
            }
            println!("  {}", row.verdict());
        }
        for row in rows {
            for (contender, why) in &row.failures {
                println!("  {} in \"{}\": {why}", contender.name(), row.label);
            }
        }
    }
}
