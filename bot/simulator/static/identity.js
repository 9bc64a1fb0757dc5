// Beside the phone: who this person is to businesses, and what the shop's own phone does.

import * as api from './api.js';
import { datum, h, number } from './draw.js';
import { ask } from './forms.js';
import { word } from './words.js';

const open = {};

export function personDesk(state, choose) {
  const me = state.people.find((one) => one.id === state.who);
  const act = choose.act;
  const receipts = (facts) => act(api.receipts(me.id, facts));
  const identity = (facts) => act(api.identity(me.id, facts));
  return section('person', [
    toggle('readReceipts', me.receipts, (receipts_) => receipts({ receipts: receipts_ })),
    toggle('arrivalReceipts', me.arrivals, (arrivals) => receipts({ arrivals })),
    h('div', { className: 'verdicts' }, [
      button('changeNumber', () => changeNumber(identity)),
      me.shows_phone
        ? button('takeUsername', () => takeUsername(identity))
        : button('showNumber', () => identity({ username: null })),
      button('newUserId', () => identity({ user_id: 'new' })),
      button('reinstall', () => identity({ reinstalled: true })),
      button('newPerson', () => newPerson(act)),
    ]),
    h('h3', {}, word('blocked')),
    h('ul', {}, state.chats.map((chat) => blocking(chat, me, act))),
  ]);
}

export function merchantDesk(state, choose) {
  const act = choose.act;
  const here = state.chats.find((chat) => chat.number === state.number);
  const field = h('input', { dir: 'auto', placeholder: word('write'), 'aria-label': word('write'), required: true });
  const form = h('form', { className: 'line' }, field, h('button', { className: 'primary' }, word('send')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act(api.echo({ to: state.who, number: here.number, text: field.value }));
    field.value = '';
  });
  return section('merchantPhone', [
    h('p', { className: 'hint' }, word('merchantIntro')),
    here ? form : h('p', { className: 'hint' }, word('openChatFirst')),
    here && h('div', { className: 'verdicts' }, [
      button('sendHistory', () => act(api.history(here.number))),
      button('sendContacts', () => act(api.contacts(here.number))),
    ]),
  ]);
}

export function elsewhere() {
  const link = (href, name) => h('li', {}, h('a', { href }, word(name)));
  return [
    h('h2', {}, word('elsewhere')),
    h('ul', { className: 'links' }, link('phones', 'sideBySide'), link('faults', 'faultsPage')),
  ];
}

function section(name, content) {
  return h(
    'details',
    { className: 'reviews', open: open[name], ontoggle: (event) => (open[name] = event.target.open) },
    h('summary', {}, h('h2', {}, word(name))),
    h('div', { className: 'inside' }, content),
  );
}

function toggle(name, on, choose) {
  const choice = (value, text) =>
    h('button', { type: 'button', 'aria-pressed': String(on === value), onclick: () => choose(value) }, word(text));
  return h('div', { className: 'setting' }, [
    h('span', {}, word(name)),
    h('div', { className: 'switch', role: 'group', 'aria-label': word(name) }, choice(true, 'onWord'), choice(false, 'offWord')),
  ]);
}

function blocking(chat, me, act) {
  const blocked = me.blocked.includes(chat.number);
  const onclick = () => act(api.block(me.id, chat.number, !blocked));
  return h('li', { className: 'setting' }, [
    h('span', {}, datum(chat.name), ' ', number(chat.display)),
    h('span', { className: 'verdicts' }, h('button', { type: 'button', onclick }, word(blocked ? 'unblock' : 'block'))),
  ]);
}

const button = (name, onclick) => h('button', { type: 'button', onclick }, word(name));

async function changeNumber(identity) {
  const said = await ask(word('changeNumber'), [
    { name: 'phone', label: word('newNumber'), type: 'tel', required: true, pattern: '\\+[0-9]{8,15}', value: '+212' },
  ], { submit: word('save') });
  if (said) identity({ phone: said.phone });
}

async function takeUsername(identity) {
  const said = await ask(word('takeUsername'), [
    { name: 'username', label: word('username'), required: true, value: '@' },
  ], { submit: word('save') });
  if (said) identity({ username: said.username });
}

async function newPerson(act) {
  const said = await ask(word('newPerson'), [
    { name: 'name', label: word('personName'), required: true },
    { name: 'phone', label: word('phoneOrNone'), type: 'tel', pattern: '\\+[0-9]{8,15}' },
    { name: 'username', label: word('username') },
  ], { submit: word('save') });
  if (!said) return;
  const username = said.username || (said.phone ? undefined : `@${said.name.split(' ')[0].toLowerCase()}`);
  act(api.newPerson({ name: said.name, phone: said.phone || undefined, username }));
}
