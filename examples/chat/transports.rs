//! Three ways to be in the room, in blocking code.

use std::sync::Arc;
use std::time::Duration;

use greenwood::http::extract::{Json, Query, Rejection};
use greenwood::http::http::{HeaderValue, StatusCode, header};
use greenwood::http::sse::{Event, Sse, last_event_id};
use greenwood::http::websocket::{self, Config, Message, WebSocket, close_code};
use greenwood::http::{IntoResponse, Request, Response, Router};

use crate::room::{Room, Words};

/// Bytes of what a page may say at once.
pub const LONGEST: usize = 16 * 1024;

/// How long a poll may wait for news: for less than proxies usually do.
const PATIENCE: Duration = Duration::from_secs(25);

pub fn routes(room: &Arc<Room>) -> Router {
    let [for_ws, for_events, for_poll, for_post] = [(); 4].map(|()| room.clone());
    Router::new()
        .get("/ws", move |request: &mut Request<'_>| by_websocket(request, &for_ws))
        .get("/events", move |request: &mut Request<'_>| by_events(request, &for_events))
        .get("/poll", move |request: &mut Request<'_>| by_polling(request, &for_poll))
        .post("/messages", move |Json(words): Json<Words>| post(&words, &for_post))
}

/// The message that a page has had last, if it has had any.
#[derive(serde::Deserialize)]
struct Last {
    after: Option<u64>,
}

/// One coroutine listens to the page while another tells it what is said.
fn by_websocket(request: &mut Request<'_>, room: &Arc<Room>) -> Result<Response, Rejection> {
    let Query(Last { after }) = request.extract()?;
    let room = room.clone();
    let mut config = Config::default();
    config.message = LONGEST;
    Ok(websocket::upgrade(request, &config, move |socket| {
        greenwood::scope(|scope| {
            scope.spawn(|| {
                for message in room.after(after) {
                    if socket.send_text(&message.json).is_err() {
                        break;
                    }
                }
            });
            listen(&socket, &room);
            scope.cancel();
        });
    }))
}

fn listen(socket: &WebSocket, room: &Room) {
    while let Ok(Some(message)) = socket.recv() {
        match parse(&message) {
            Ok(words) => room.say(&words),
            Err(error) => {
                // A reason has 123 bytes at most.
                let reason = error.get(..123).unwrap_or(&error);
                let _ = socket.close(close_code::POLICY, reason);
            }
        }
    }
}

fn parse(message: &Message) -> Result<Words, String> {
    let Message::Text(text) = message else { return Err("text, please".to_owned()) };
    let words: Words = serde_json::from_str(text).map_err(|e| e.to_string())?;
    words.check()?;
    Ok(words)
}

/// The browser comes back by itself with the id of the last event.
fn by_events(request: &mut Request<'_>, room: &Arc<Room>) -> Result<Sse, Rejection> {
    let Query(Last { after }) = request.extract()?;
    let last = last_event_id(request).and_then(|id| id.parse().ok()).or(after);
    let room = room.clone();
    Ok(Sse::new(move |events| {
        events.send(Event::default().with_retry(Duration::from_millis(500)))?;
        for message in room.after(last) {
            events.send(Event::message(message.json).with_id(message.id))?;
        }
        Ok(())
    }))
}

#[derive(serde::Deserialize)]
struct Poll {
    after: Option<u64>,
    /// For how many seconds, if there is nothing new.
    wait: Option<u64>,
}

/// An array of messages: as soon as there are any, or empty when the time is over.
fn by_polling(request: &mut Request<'_>, room: &Room) -> Result<Response, Rejection> {
    let Query(Poll { after, wait }) = request.extract()?;
    let patience = Duration::from_secs(wait.unwrap_or(0)).min(PATIENCE);
    let messages = room.wait_after(after, patience);
    let list: Vec<&str> = messages.iter().map(|message| &*message.json).collect();
    Ok(format!("[{}]", list.join(","))
        .into_response()
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

fn post(words: &Words, room: &Room) -> Response {
    match words.check() {
        Ok(()) => {
            room.say(words);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error).into_response(),
    }
}
