// The page's part of the chat: shows what is said, and keeps what it says itself until it has come back.
'use strict';

const byId = (id) => document.getElementById(id);
const list = byId('messages');

/** The id of the last message shown: whatever happens to the connection, the next one goes on from there. */
let last = null;

/** What was said here and has not come back yet, by its key. */
const unsent = new Map();

// --- Three ways to the room. Each is given what to do `on` four occasions: when it is `open`, with a function that sends; when there is a
// `message`; when it is `waiting` to get through again; and when it is `lost` for good.

function address(path) {
  const url = new URL(path, location.href);
  if (last !== null) url.searchParams.set('after', last);
  return url;
}

function byWebSocket(on) {
  const url = address('ws');
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url);
  socket.onopen = () => on.open((words) => socket.send(JSON.stringify(words)));
  socket.onmessage = (event) => on.message(JSON.parse(event.data));
  socket.onclose = ({ code, reason }) => {
    const POLICY = 1008;
    if (code === POLICY) [...unsent.values()].forEach(({ words }) => refused(words, reason));
    on.lost();
  };
}

function byEvents(on) {
  const source = new EventSource(address('events'));
  let opened = false;
  source.onopen = () => {
    opened = true;
    on.open(post);
  };
  source.onmessage = (event) => on.message(JSON.parse(event.data));
  source.onerror = () => {
    // It comes back by itself, but for an answer that it does not understand. Nor is there much hope if it never got through.
    if (opened && source.readyState !== EventSource.CLOSED) return on.waiting();
    source.close();
    on.lost();
  };
}

async function byPolling(on) {
  try {
    // The first answer tells that there is a way through, so it comes at once.
    for (let wait = 0; ; wait = 25) {
      const url = address('poll');
      url.searchParams.set('wait', wait);
      const answer = await fetch(url, { cache: 'no-store' });
      if (!answer.ok) throw new Error(answer.statusText);
      const messages = await answer.json();
      if (wait === 0) on.open(post);
      messages.forEach(on.message);
    }
  } catch {
    on.lost();
  }
}

async function post(words) {
  try {
    const headers = { 'Content-Type': 'application/json' };
    const answer = await fetch('messages', { method: 'POST', headers, body: JSON.stringify(words) });
    if (answer.ok) return;
    if (answer.status < 500) return refused(words, await answer.text());
  } catch {
    // No connection: below.
  }
  setTimeout(() => unsent.has(words.key) && send?.(words), 1000);
}

// --- Staying connected.

const TRANSPORTS = {
  ws: { name: 'WebSocket', connect: byWebSocket },
  sse: { name: 'server-sent events', connect: byEvents },
  poll: { name: 'long polling', connect: byPolling },
};

const wanted = new URLSearchParams(location.search).get('transport');
const order = Object.hasOwn(TRANSPORTS, wanted) ? [wanted] : Object.keys(TRANSPORTS);

let send = null;
let attempts = 0;

function connect() {
  const transport = TRANSPORTS[order[0]];
  let opened = false;
  transport.connect({
    open(how) {
      opened = true;
      attempts = 0;
      send = how;
      tell('open', `Connected by ${transport.name}`);
      for (const { words } of unsent.values()) send(words);
    },
    message: show,
    waiting() {
      send = null;
      tell('waiting', 'Connection lost, reconnecting …');
    },
    lost() {
      send = null;
      tell('waiting', 'Connection lost, reconnecting …');
      // One that never got through may be blocked on the way: the next, please.
      if (!opened) order.push(order.shift());
      const pause = Math.min(10_000, 250 * 2 ** attempts++);
      setTimeout(connect, pause * (0.5 + Math.random() / 2));
    },
  });
}

function tell(state, text) {
  const status = byId('status');
  status.dataset.state = state;
  status.textContent = text;
}

// --- What is seen. All that others say goes in as text, never as markup.

function element(kind, className, text) {
  const made = document.createElement(kind);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function bubble({ name, text }, when, mine) {
  const item = element('li', mine ? 'message mine' : 'message');
  const by = element('p', 'by');
  by.append(element('b', 'who', name), ` ${when}`);
  item.append(by, element('p', 'what', text));
  return item;
}

function add(item) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.append(item);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function show({ id, at, words }) {
  // What comes twice, from a connection that was thought lost, was shown before.
  if (last !== null && id <= last) return;
  if (last !== null && id > last + 1) add(element('li', 'note', 'Some messages may be missing here.'));
  last = id;
  unsent.get(words.key)?.item.remove();
  unsent.delete(words.key);
  const when = new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  add(bubble(words, when, words.key.startsWith(me)));
  // Below what has been heard.
  for (const { item } of unsent.values()) list.append(item);
}

function refused({ key }, reason) {
  unsent.get(key)?.item.remove();
  unsent.delete(key);
  add(element('li', 'note', `Not sent: ${reason}`));
}

// --- Saying something.

/** Begins the keys of all that is said here. */
const me = `${crypto.getRandomValues(new Uint32Array(4)).join('.')}.`;
let said = 0;

byId('name').value = localStorage.name ?? '';

byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  const [name, text] = [byId('name').value.trim(), byId('text').value.trim()];
  if (!name || !text) return;
  localStorage.name = name;
  byId('text').value = '';
  const words = { name, text, key: me + said++ };
  const item = bubble(words, '…', true);
  item.classList.add('unsent');
  unsent.set(words.key, { words, item });
  add(item);
  send?.(words);
});

connect();
