//! What messages are made of: what is valid, and what is not quite.

pub(super) const METHODS: &[&str] = &["GET", "POST", "HEAD", "OPTIONS", "PURGE", "get", "M-SEARCH"];
pub(super) const ODD_METHODS: &[&str] = &["CONNECT", "", "G(T", "PRI", "GET /"];

pub(super) const TARGETS: &[&str] = &[
    "/",
    "/a/b",
    "/a?b=c&d",
    "/%41|\\",
    "//h/p",
    "http://h/",
    "http://h:80/p?q",
    "HTTPS://[::1]:443",
    "http://a%20b?c",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];
pub(super) const ODD_TARGETS: &[&str] = &[
    "",
    "*",
    "http://u@h/",
    "http:///p",
    "http://h:80:80",
    "h:80",
    "/a#b",
    "/\u{e9}",
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

pub(super) const VERSIONS: &[&str] = &["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"];
pub(super) const ODD_VERSIONS: &[&str] =
    &["HTTP/2.0", "HTTP/1.2", "HTTP/11", "http/1.1", "HTTP/1.1 ", ""];

pub(super) const HOSTS: &[&str] = &[
    "h",
    "example.com:8080",
    "127.0.0.1:80",
    "[::1]",
    "[2001:db8::1.2.3.4]:80",
    "[1:2:3:4:5:6:7::]",
    "[1:2:3:4:5:6:7:8]:",
    "a%2fb",
    "a,b",
];
pub(super) const ODD_HOSTS: &[&str] = &[
    "[::1%25eth0]",
    "[v1.a]",
    "[1:2:3:4:5:6:7:8::]",
    "[::01.2.3.4]",
    "a%2",
    "",
    ":80",
    "a:b",
    "u@h",
];

pub(super) const FRAMING: &[&str] = &[
    "",
    "Content-Length: 3\r\n",
    "Content-Length: 000\r\n",
    "content-length:18446744073709551615 \r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:\tCHUNKED\r\n",
];
pub(super) const ODD_FRAMING: &[&str] = &[
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: 184467440737095516100\r\n",
    "Content-Length: +3\r\n",
    "Content-Length: 3, 3\r\n",
    "Content-Length: 3\r\nContent-Length: 3\r\n",
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "Transfer-Encoding: chunked;a=b\r\n",
    "Transfer-Encoding: gzip ;a=b\r\n",
    "Transfer-Encoding: ,\r\n",
];

pub(super) const NAMES: &[&str] =
    &["A", "accept", "x!#$%&'*+-.^_`|~1", "Connection", "connection", "Upgrade"];

pub(super) const VALUES: &[&str] = &[
    "",
    "a",
    "a b\t c",
    "\u{e9}",
    "\"(),/:;<=>?@[\\]{}",
    "close",
    "Keep-Alive",
    "keep-alive, TE , close",
    "close\t,",
    ", ,",
    "a\r\nExpect: 100-Continue",
];
pub(super) const ODD_VALUES: &[&str] = &["\0", "a\r\n b", "a\r\nExpect: tea", "a\r\nHost: h"];

pub(super) const NUMBERS: &[&str] = &[
    "",
    "00",
    "007",
    "+1",
    "1 ",
    "0x1",
    "-1",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
];

pub(super) const PARTS: &[&str] = &[
    "a", "b", "ab", "{x}", "{x}", "a{x}", "{x}b", "a{x}b", "{x}.{x}", "{*x}", "a{*x}", "{{", "",
    "%61",
];

pub(super) const BODY_PARTS: &[&str] = &[
    "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "0\r\n\r\n",
    "\r\n",
    "abc",
    "\n\n",
    "POST /smuggled HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
];

pub(super) const EXTENSIONS: &[&str] = &["", "", "", ";a", ";a=b;c=\"d\"", ";", ";\t\u{e9} "];
pub(super) const ODD_EXTENSIONS: &[&str] = &[" ;a", ";\0", ";a\n", ";a\rb"];
