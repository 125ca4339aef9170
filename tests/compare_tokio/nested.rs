//! Tasks that spawn tasks and wait for them, many levels deep.

use std::future::Future;
use std::pin::Pin;

use crate::harness::compare;

const DEPTH: u32 = 12;

#[test]
fn a_tree_of_tasks_adds_up() {
    compare(2u64.pow(DEPTH), || greenwood(DEPTH), || tokio(DEPTH));
}

fn greenwood(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let children = [0, 1].map(|_| greenwood::spawn(move || greenwood(depth - 1)));
    children.map(|child| child.join().unwrap()).iter().sum()
}

fn tokio(depth: u32) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            return 1;
        }
        let children = [0, 1].map(|_| tokio::spawn(tokio(depth - 1)));
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}
