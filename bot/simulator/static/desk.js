// Beside the phone: who holds it, in which language, and whether there is a network.

import { avatar, datum, h, icon, iconButton, number } from './draw.js';
import { elsewhere, merchantDesk, personDesk } from './identity.js';
import { reviews } from './reviews.js';
import { LANGUAGES, spoken, word } from './words.js';

export function desk(state, choose) {
  return [
    h(
      'header',
      { className: 'desk-head' },
      h('h1', {}, word('title')),
      iconButton('close', word('close'), choose.close, 'only-small'),
      h('p', {}, word('intro')),
    ),
    h('h2', {}, word('who')),
    h('ul', { className: 'people' }, state.people.map((one) => person(one, state.who, choose))),
    h('h2', {}, word('language')),
    languages(choose),
    h('h2', {}, word('network')),
    network(state, choose),
    personDesk(state, choose),
    merchantDesk(state, choose),
    reviews(state.templates, choose.judge),
    ...elsewhere(),
  ];
}

function person(one, who, choose) {
  const here = one.id === who;
  const contact = one.phone ? number(spaced(one.phone)) : datum(one.username);
  const state = one.phone ? null : h('small', { className: 'note' }, word('noPhone'));
  return h(
    'li',
    {},
    h(
      'button',
      {
        type: 'button',
        className: 'person',
        'aria-pressed': String(here),
        onclick: () => choose.person(one.id),
      },
      avatar(one.name, one.id),
      h('span', { className: 'person-name' }, datum(one.name)),
      h('span', { className: 'person-contact' }, contact, state),
      one.unread && !here ? h('span', { className: 'badge' }, one.unread) : null,
      one.online ? null : icon('plane', word('offline')),
    ),
  );
}

function languages(choose) {
  const buttons = Object.entries(LANGUAGES).map(([code, name]) =>
    h(
      'button',
      {
        type: 'button',
        lang: code,
        'aria-pressed': String(code === spoken()),
        onclick: () => choose.language(code),
      },
      name,
    ),
  );
  return h('div', { className: 'switch', role: 'group', 'aria-label': word('language') }, buttons);
}

function network(state, choose) {
  const choice = (online, name) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(state.online === online),
        onclick: () => choose.network(online),
      },
      icon(online ? 'wifi' : 'plane'),
      word(name),
    );
  const buttons = [choice(true, 'online'), choice(false, 'offline')];
  return h('div', { className: 'switch', role: 'group', 'aria-label': word('network') }, buttons);
}

function spaced(phone) {
  return phone.replace(/^(\+\d{3})(\d{3})(\d{2})(\d{2})(\d{2})$/, '$1 $2-$3$4$5');
}
