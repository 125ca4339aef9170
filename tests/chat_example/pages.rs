//! Pages in a browser that talk to each other.

use serde_json::json;

use crate::browser::{Browser, Page};
use crate::chat::{BACKENDS, Chat};
use crate::relay::Relay;

/// The ways to connect, and what the page says of each.
const TRANSPORTS: [(&str, &str); 3] = [
    ("ws", "Connected by WebSocket"),
    ("sse", "Connected by server-sent events"),
    ("poll", "Connected by long polling"),
];

const STATUS: &str = "return document.getElementById('status').textContent";
const MESSAGES: &str =
    "return [...document.querySelectorAll('.message:not(.unsent)')].map((message) =>
    message.querySelector('.who').textContent + ': ' + message.querySelector('.what').textContent)";

fn enter<'b>(browser: &'b Browser, address: &str, (transport, status): (&str, &str)) -> Page<'b> {
    let page = browser.open(&format!("http://{address}/?transport={transport}"));
    page.wait_for(STATUS, &json!(status));
    page
}

impl Page<'_> {
    fn say(&self, name: &str, text: &str) {
        self.type_into("#name", name);
        self.type_into("#text", text);
        self.click("button");
    }
}

#[test]
fn two_pages_talk_over_each_transport_and_over_different_ones() {
    let Some(browser) = Browser::start() else { return };
    for backend in BACKENDS {
        for (i, one) in TRANSPORTS.into_iter().enumerate() {
            for other in [one, TRANSPORTS[(i + 1) % 3]] {
                let chat = Chat::start(&["--backend", backend]);
                let robin = enter(&browser, &chat.address, one);
                let marian = enter(&browser, &chat.address, other);
                robin.say("Robin", "Is anybody there?");
                let first = "Robin: Is anybody there?";
                marian.wait_for(MESSAGES, &json!([first]));
                marian.say("Marian", "Yes: <b>me</b> & \"you\"");
                let both = json!([first, "Marian: Yes: <b>me</b> & \"you\""]);
                robin.wait_for(MESSAGES, &both);
                marian.wait_for(MESSAGES, &both);
                // Each knows its own.
                let mine = "return document.querySelector('.mine .who').textContent";
                robin.wait_for(mine, &json!("Robin"));
                marian.wait_for(mine, &json!("Marian"));
                // Who comes in later hears what was said.
                enter(&browser, &chat.address, other).wait_for(MESSAGES, &both);
            }
        }
    }
}

#[test]
fn words_are_never_markup() {
    let Some(browser) = Browser::start() else { return };
    let chat = Chat::start(&[]);
    for attack in [
        "<img src=x onerror=\"window.hacked = 1\">",
        "<script>window.hacked = 1</script>",
        "</li></ol><a href=\"javascript:window.hacked = 1\" autofocus onfocus=\"window.hacked = 1\">x</a>",
    ] {
        chat.say("<img src=x onerror=hacked=1>", attack);
    }
    for transport in TRANSPORTS {
        let page = enter(&browser, &chat.address, transport);
        page.wait_for("return document.querySelectorAll('.message').length", &json!(3));
        let foreign = "return document.querySelectorAll('#messages :not(li, p, b)').length";
        assert_eq!(page.run(foreign), json!(0));
        assert_eq!(page.run("return window.hacked === undefined"), json!(true));
    }
    // Nor would a script run that had got in.
    let page = enter(&browser, &chat.address, TRANSPORTS[0]);
    page.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hacked = 1\">')");
    page.run("const script = document.createElement('script'); script.text = 'window.hacked = 1'; document.body.append(script)");
    page.wait_for("return document.images[0].complete", &json!(true));
    assert_eq!(page.run("return window.hacked === undefined"), json!(true));
}

#[test]
fn nothing_is_lost_or_doubled_by_a_broken_connection() {
    let Some(browser) = Browser::start() else { return };
    for transport in TRANSPORTS {
        let chat = Chat::start(&[]);
        let relay = Relay::to(&chat.address, &[]);
        let page = enter(&browser, &relay.address, transport);
        page.say("Robin", "1");
        page.wait_for(MESSAGES, &json!(["Robin: 1"]));
        let mut heard = vec!["Robin: 1".to_owned()];
        for round in 0..3 {
            relay.cut();
            chat.say("Marian", &format!("{round}a"));
            // While there is no connection, as far as the page knows already.
            page.say("Robin", &format!("{round}b"));
            chat.say("Marian", &format!("{round}c"));
            page.wait_for(STATUS, &json!("Connection lost, reconnecting …"));
            relay.mend();
            page.wait_for(STATUS, &json!(transport.1));
            heard.extend([format!("Marian: {round}a"), format!("Marian: {round}c")]);
            heard.push(format!("Robin: {round}b"));
            page.wait_for(MESSAGES, &json!(heard));
        }
        let others = enter(&browser, &chat.address, TRANSPORTS[0]);
        others.wait_for(MESSAGES, &json!(heard));
        assert_eq!(page.run(MESSAGES), json!(heard));
    }
}

#[test]
fn the_page_finds_a_way_that_is_open() {
    let Some(browser) = Browser::start() else { return };
    let chat = Chat::start(&[]);
    let blocked: [&[&str]; 3] = [&[], &["/ws"], &["/ws", "/events"]];
    for (blocked, (_, status)) in blocked.into_iter().zip(TRANSPORTS) {
        let relay = Relay::to(&chat.address, blocked);
        let page = browser.open(&format!("http://{}/", relay.address));
        page.wait_for(STATUS, &json!(status));
    }
}

#[test]
fn pages_come_back_after_a_restart() {
    let Some(browser) = Browser::start() else { return };
    for transport in TRANSPORTS {
        let chat = Chat::start(&[]);
        let address = chat.address.clone();
        let page = enter(&browser, &address, transport);
        page.say("Robin", "before");
        page.wait_for(MESSAGES, &json!(["Robin: before"]));
        chat.interrupt();
        assert!(chat.exit().success());
        page.wait_for(STATUS, &json!("Connection lost, reconnecting …"));
        let _chat = Chat::start(&["--addr", &address]);
        page.wait_for(STATUS, &json!(transport.1));
        page.say("Robin", "after");
        page.wait_for(MESSAGES, &json!(["Robin: before", "Robin: after"]));
    }
}
