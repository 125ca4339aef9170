//! A set's results as an iterator, and closures collected into a set.

use std::thread;

use super::TaskSet;

/// The results of a [`TaskSet`], in the order in which its coroutines finish. Waits for each. Dropping it cancels what is left.
#[derive(Debug)]
pub struct TaskSetIntoIter<T>(TaskSet<T>);

/// The results of a borrowed [`TaskSet`], in the order in which its coroutines finish. Waits for each.
#[derive(Debug)]
pub struct TaskSetIter<'a, T>(&'a mut TaskSet<T>);

impl<T> Iterator for TaskSetIntoIter<T> {
    type Item = thread::Result<T>;

    fn next(&mut self) -> Option<thread::Result<T>> {
        self.0.join_next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<T> Iterator for TaskSetIter<'_, T> {
    type Item = thread::Result<T>;

    fn next(&mut self) -> Option<thread::Result<T>> {
        self.0.join_next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<T> ExactSizeIterator for TaskSetIntoIter<T> {}
impl<T> ExactSizeIterator for TaskSetIter<'_, T> {}

impl<T> IntoIterator for TaskSet<T> {
    type Item = thread::Result<T>;
    type IntoIter = TaskSetIntoIter<T>;

    fn into_iter(self) -> TaskSetIntoIter<T> {
        TaskSetIntoIter(self)
    }
}

impl<'a, T> IntoIterator for &'a mut TaskSet<T> {
    type Item = thread::Result<T>;
    type IntoIter = TaskSetIter<'a, T>;

    fn into_iter(self) -> TaskSetIter<'a, T> {
        TaskSetIter(self)
    }
}

impl<F, T> FromIterator<F> for TaskSet<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    /// Spawns each closure.
    fn from_iter<I: IntoIterator<Item = F>>(closures: I) -> TaskSet<T> {
        let mut set = TaskSet::new();
        for f in closures {
            set.spawn(f);
        }
        set
    }
}
