// Several phones side by side, each in a frame of its own; the address remembers who holds them.

import * as api from './api.js';
import { h, iconButton } from './draw.js';
import { speak, spoken, word } from './words.js';

const FIRST = 3;
const row = document.getElementById('phones');
const head = document.getElementById('head');
let people = [];

function shown() {
  const named = decodeURIComponent(location.hash.slice(1)).split(',').filter(Boolean);
  const known = named.filter((who) => people.some((one) => one.id === who));
  return known.length ? known : people.slice(0, FIRST).map((one) => one.id);
}

function show(whom) {
  location.hash = whom.join(',');
}

function phone(who, place) {
  const choose = (event) => show(shown().with(place, event.target.value));
  const names = people.map((one) => h('option', { value: one.id, selected: one.id === who }, one.name));
  const frame = h('iframe', { src: `./?bare#${who}`, title: people.find((one) => one.id === who).name });
  return h('section', {}, [
    h('div', { className: 'line' }, [
      h('select', { 'aria-label': word('who'), onchange: choose }, names),
      iconButton('close', word('removePhone'), () => show(shown().filter((_, n) => n !== place))),
    ]),
    frame,
  ]);
}

function draw() {
  document.title = `${word('sideBySide')} · Wasl`;
  const more = () => show([...shown(), people.find((one) => !shown().includes(one.id))?.id ?? people[0].id]);
  head.replaceChildren(
    h('h1', {}, word('sideBySide')),
    h('a', { href: './' }, word('title')),
    h('a', { href: 'faults' }, word('faultsPage')),
    h('button', { type: 'button', className: 'primary', onclick: more }, word('addPhone')),
  );
  row.replaceChildren(...shown().map(phone));
}

speak(spoken());
({ customers: people } = await api.people());
draw();
window.addEventListener('hashchange', draw);
