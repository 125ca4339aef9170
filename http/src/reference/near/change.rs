//! Faults, put into messages.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// What may be done to a message. Positions are taken modulo its length.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, &'static [u8]),
    Replace(Index, u8),
    Remove(Index, usize),
    /// Copies a piece to another place.
    Repeat(Index, usize, Index),
    ToggleCase(Index),
    /// Has a line end in another way.
    End(Index, &'static [u8]),
    Cut(Index),
}

pub(super) fn changed(messages: BoxedStrategy<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    let change = prop_oneof![
        4 => (any::<Index>(), select(SPLINTERS)).prop_map(|(at, what)| Change::Insert(at, what)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        2 => (any::<Index>(), 1..6usize).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (any::<Index>(), 1..40usize, any::<Index>())
            .prop_map(|(from, length, to)| Change::Repeat(from, length, to)),
        1 => any::<Index>().prop_map(Change::ToggleCase),
        2 => (any::<Index>(), select(ENDS)).prop_map(|(at, end)| Change::End(at, end)),
        1 => any::<Index>().prop_map(Change::Cut),
    ];
    let changes = prop_oneof![vec(change.clone(), 0..2), vec(change, 2..5)];
    let messages = (messages, changes).prop_map(|(mut message, changes)| {
        for change in changes {
            apply(&mut message, change);
        }
        message
    });
    messages.boxed()
}

fn apply(message: &mut Vec<u8>, change: Change) {
    let place = |at: Index| at.index(message.len() + 1);
    match change {
        Change::Insert(at, what) => {
            let at = place(at);
            message.splice(at..at, what.iter().copied());
        }
        Change::Replace(at, byte) => {
            let at = place(at);
            if let Some(old) = message.get_mut(at) {
                *old = byte;
            }
        }
        Change::Remove(at, length) => {
            let at = place(at);
            message.drain(at..(at + length).min(message.len()));
        }
        Change::Repeat(from, length, to) => {
            let (from, to) = (place(from), place(to));
            let piece = message[from..(from + length).min(message.len())].to_vec();
            message.splice(to..to, piece);
        }
        Change::ToggleCase(at) => {
            let at = place(at);
            if let Some(byte) = message.get_mut(at) {
                *byte ^= 0x20;
            }
        }
        Change::End(at, end) => {
            let pairs = message.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n");
            let ends: Vec<usize> = pairs.map(|(at, _)| at).collect();
            if !ends.is_empty() {
                let at = ends[at.index(ends.len())];
                message.splice(at..at + 2, end.iter().copied());
            }
        }
        Change::Cut(at) => message.truncate(place(at)),
    }
}

const ENDS: &[&[u8]] = &[b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\n", b"\r\n\t", b"\0\r\n", b""];

/// What attacks are made of.
const SPLINTERS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\n ",
    b"\r\n\t",
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x7f",
    b"\x80",
    b"\xff",
    b":",
    b",",
    b";",
    b"0",
    b"1",
    b"+",
    b"%",
    b"/",
    b"?",
    b"@",
    b"[",
    b"]",
    b"HTTP/1.1",
    b"Host: h\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: close\r\n",
    b"0\r\n\r\n",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    b"A: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n",
];
