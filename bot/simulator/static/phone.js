// The phone: who holds it, which chat is open, and what the simulator says about both.

import * as api from './api.js';
import { chatList } from './chats.js';
import { desk } from './desk.js';
import { h } from './draw.js';
import { clock, speak, word } from './words.js';
import { Thread } from './thread.js';

const frame = document.getElementById('phone');
const side = document.getElementById('desk');
const news = document.getElementById('news');

const state = { people: [], templates: [], who: null, number: null, online: true, chats: [], now: 0, skew: 0 };
let thread = null;
let refreshing = null;

const status = h('div', { className: 'status', 'aria-hidden': 'true' });
const screen = h('div', { className: 'screen' });
frame.append(h('div', { className: 'bezel' }, status, screen));

const choose = {
  person: (who) => go(who, null),
  chat: (number) => go(state.who, number),
  language: (code) => {
    localStorage.setItem(`language of ${state.who}`, code);
    thread = null;
    refresh();
  },
  act: (promise) => act(promise),
  say: (text) => say(text),
  judge: (id, verb, facts) => act(api.judge(id, verb, facts)),
  network: (online) => act(api.setOnline(state.who, online)),
  desk: () => document.body.classList.add('desk-open'),
  close: () => document.body.classList.remove('desk-open'),
};

function go(who, number) {
  choose.close();
  location.hash = number ? `${who}/${number}` : who;
}

function readAddress() {
  const [who, number] = decodeURIComponent(location.hash.slice(1)).split('/');
  const known = state.people.find((one) => one.id === who) ?? state.people[0];
  if (known.id !== state.who || number !== state.number) thread = null;
  [state.who, state.number] = [known.id, number ?? null];
  return known;
}

// One refresh at a time; news that come meanwhile ask for exactly one more.
async function refresh() {
  if (refreshing) {
    refreshing.again = true;
    return refreshing.done;
  }
  refreshing = { again: false };
  refreshing.done = load().catch(() => say(word('broken')));
  await refreshing.done;
  const { again } = refreshing;
  refreshing = null;
  return again ? refresh() : undefined;
}

async function load() {
  const { customers } = await api.people();
  state.people = customers;
  const me = readAddress();
  speak(localStorage.getItem(`language of ${state.who}`) ?? me.language);
  const [templates, list, bubbles] = await Promise.all([
    api.templates(),
    api.chats(state.who),
    state.number ? api.bubbles(state.who, state.number) : [],
  ]);
  Object.assign(state, list, { templates, skew: list.now - Date.now() / 1000 });
  say('');
  draw(me, bubbles);
  await markRead(bubbles);
}

function draw(me, bubbles) {
  const known = state.chats.some((chat) => chat.number === state.number);
  const unread = state.chats.reduce((sum, chat) => sum + chat.unread, 0);
  document.title = `${unread ? `(${unread}) ` : ''}${me.name} · Wasl`;
  drawStatus();
  if (!writing()) keepFocus(side, () => side.replaceChildren(...desk(state, choose)));
  if (!known) {
    keepFocus(screen, () => screen.replaceChildren(...chatList(state, choose).filter(Boolean)));
    return;
  }
  if (!thread) {
    thread = new Thread(me.id, state.number, me.suggestions, choose, act);
    screen.replaceChildren(thread.element);
    if (matchMedia('(hover: hover)').matches) thread.input.focus();
  }
  thread.draw(state, bubbles);
}

function drawStatus() {
  const now = clock(Date.now() / 1000 + state.skew);
  status.replaceChildren(
    h('span', {}, now),
    h('span', { className: 'signal' }, state.online ? bars() : word('offline'), h('i', { className: 'battery' })),
  );
}

function bars() {
  return h('span', { className: 'bars' }, h('i'), h('i'), h('i'), h('i'));
}

// Blue ticks for the shop only when a person could really see the message.
async function markRead(bubbles) {
  const unseen = bubbles.some((one) => !one.mine && one.status === 'delivered');
  if (unseen && state.online && document.visibilityState === 'visible') {
    await api.read(state.who, state.number);
  }
}

async function act(promise) {
  try {
    await promise;
  } catch (error) {
    say(`${word('refused')} ${error.message}`);
    return;
  }
  await refresh();
}

// A sentence being written beside the phone outlives the next drawing.
function writing() {
  return side.contains(document.activeElement) && document.activeElement.matches('input');
}

function keepFocus(root, redraw) {
  const buttons = [...root.querySelectorAll('button')];
  const place = buttons.indexOf(document.activeElement);
  redraw();
  if (place >= 0) root.querySelectorAll('button')[place]?.focus();
}

function say(text) {
  if (news.textContent !== text) news.textContent = text;
}

window.addEventListener('hashchange', refresh);
document.addEventListener('visibilitychange', refresh);
document.addEventListener('click', (event) => {
  if (!event.target.closest('.actions, .more, .shade, .choice, .composer')) thread?.closeMenus();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  choose.close();
  thread?.closeMenus();
});
setInterval(drawStatus, 20_000);
// The typing dots end by themselves, without any news.
setInterval(() => state.chats.some((chat) => chat.typing) && refresh(), 3000);

document.body.classList.toggle('bare', new URLSearchParams(location.search).has('bare'));
speak(navigator.language.slice(0, 2));
refresh();
api.live(refresh, () => say(word('broken')));
