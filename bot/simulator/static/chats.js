// The list of chats: one for every business number this person can write to.

import { avatar, datum, h, icon, iconButton, number } from './draw.js';
import { shortDay, word } from './words.js';

const PICTURED = { image: 'photo', video: 'photo', document: 'file', location: 'place' };

export function chatList(state, choose) {
  const me = state.people.find((one) => one.id === state.who);
  return [
    h(
      'header',
      { className: 'bar bar-list' },
      h('h2', {}, word('chats')),
      h('span', { className: 'me' }, datum(me.name), avatar(me.name, me.id)),
      iconButton('people', word('changePerson'), choose.desk, 'only-small'),
    ),
    state.online ? null : offlineBanner(choose),
    h('ul', { className: 'chats' }, state.chats.map((chat) => row(chat, state, choose))),
  ];
}

export function offlineBanner(choose) {
  return h(
    'div',
    { className: 'offline', role: 'status' },
    icon('plane'),
    h('span', {}, word('offlineBanner')),
    h('button', { type: 'button', onclick: () => choose.network(true) }, word('goOnline')),
  );
}

export function ticks(status) {
  const name = status === 'read' || status === 'played' ? 'delivered' : status;
  const drawn = icon(name, word(status === 'played' ? 'read' : status));
  if (name !== status) drawn.classList.add('blue');
  return drawn;
}

function row(chat, state, choose) {
  const last = chat.last;
  return h(
    'li',
    {},
    h(
      'button',
      { type: 'button', className: 'chat', onclick: () => choose.chat(chat.number) },
      avatar(chat.name, chat.number),
      h('span', { className: 'chat-name' }, datum(chat.name)),
      h('time', { className: chat.unread ? 'fresh' : '' }, last && shortDay(last.at, state.now)),
      h('span', { className: 'chat-last' }, chat.typing ? typing() : preview(last, chat)),
      chat.unread ? h('span', { className: 'badge' }, chat.unread) : null,
    ),
  );
}

function typing() {
  return h('span', { className: 'typing' }, word('typing'));
}

function preview(last, chat) {
  if (!last) return [number(chat.display), ' · ', word('startChat')];
  const kind = PICTURED[last.type];
  const text = last.text.replace(/\s+/g, ' ').replaceAll('*', '') || word(last.type);
  return [last.mine && ticks(last.status), kind && icon(kind), datum(text)];
}
