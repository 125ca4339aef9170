//! The table of the README tells of what is replaced, and of nothing else.
#![cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]

use std::collections::{BTreeMap, BTreeSet};

use greenwood_patch::replaced;

/// What the table says of each function.
fn table() -> BTreeMap<&'static str, &'static str> {
    let mut all = BTreeMap::new();
    for line in include_str!("../README.md").lines() {
        let mut cells = line.trim_matches('|').splitn(3, " | ").map(str::trim);
        let (Some(names), Some(fate), Some(why)) = (cells.next(), cells.next(), cells.next())
        else {
            continue;
        };
        if !matches!(fate, "yields" | "offloaded" | "noted" | "passes through") {
            continue;
        }
        assert!(!why.is_empty(), "no reason is given for {names}");
        for name in names.split(", ") {
            let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
            let name = name.unwrap_or_else(|| panic!("no list of functions: {names}"));
            assert!(all.insert(name, fate).is_none(), "{name} is in the table twice");
        }
    }
    all
}

#[test]
fn the_table_is_true() {
    let table = table();
    let told: BTreeSet<_> = table
        .iter()
        .filter(|(_, fate)| **fate != "passes through")
        .map(|(name, _)| *name)
        .collect();
    let replaced: BTreeSet<_> = replaced().collect();
    assert!(replaced.contains("read") && replaced.contains("fsync"));
    let untold: Vec<_> = replaced.difference(&told).collect();
    assert!(untold.is_empty(), "replaced, but the table does not say so: {untold:?}");
    let untrue: Vec<_> = told.difference(&replaced).collect();
    assert!(untrue.is_empty(), "in the table, but not replaced: {untrue:?}");
}
