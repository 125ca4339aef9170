//! `examples/chat`, run as a program: by pages in a browser, and by other programs.

mod browser;
mod chat;
mod clients;
mod pages;
mod relay;
