//! Locks, events and other primitives by which coroutines and OS threads, in any mix, wait for each other.
