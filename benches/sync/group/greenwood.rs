//! Greenwood's TaskSet.

use std::hint::black_box;

use super::MEMBERS;

pub fn groups(n: usize) {
    for _ in 0..n / MEMBERS {
        let mut set = greenwood::TaskSet::new();
        (0..MEMBERS).for_each(|i| _ = set.spawn(move || black_box(i)));
        while let Some(result) = set.join_next() {
            black_box(result.unwrap());
        }
    }
}
