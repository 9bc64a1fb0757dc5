// Every fault with a switch, and the settings of the next one that is switched on.

import { datum, h, number } from './draw.js';
import { word } from './words.js';

const OFTEN = {
  always: () => ({ times: null }),
  once: () => ({ times: 1 }),
  some: (n) => ({ times: null, chance: n / 100 }),
  turn: (n) => ({ times: null, nth: n }),
  everyTurn: (n) => ({ times: null, every: n }),
};

export function switches({ act, call, card, named, redraw, state }) {
  const { kinds, people } = state;
  const settings = h('form', { className: 'settings', onsubmit: (event) => event.preventDefault() }, [
    select('on', 'onCall', kinds.calls.map((name) => [name, name])),
    select('customer', 'forCustomer', [['', word('anybody')], ...people.customers.map((one) => [one.id, one.name])]),
    select('number', 'forNumber', [['', word('anybody')], ...people.numbers.map((one) => [one.id, `${one.name} ${one.display}`])]),
    select('often', 'often', Object.keys(OFTEN).map((name) => [name, word(name)])),
    input('n', 'howMany', { type: 'number', min: 1, value: 30 }),
    input('seed', 'seed', { type: 'number', min: 0, value: 1 }),
    input('seconds', 'seconds', { type: 'number', min: 0, step: 'any', value: 15 }),
    input('lasts', 'lasts', { type: 'number', min: 1 }),
    input('retry_after', 'retryAfter', { type: 'number', min: 0 }),
    check('accept', 'accept'),
    check('late', 'late'),
  ]);
  const filter = h('input', { type: 'search', placeholder: word('filter'), 'aria-label': word('filter'), dir: 'auto' });
  const list = h('div', { className: 'switches' });
  const off = () => act(call('DELETE', 'faults'));
  filter.addEventListener('input', () => draw(state));
  const row = (what, text, on) => {
    const label = [h('span', { className: 'name' }, datum(text)), number(on ? `${on.hits} ${word('hits')}` : String(what))];
    const onclick = () => act(on ? remove(on) : call('POST', 'faults', { what, ...asked(settings) }));
    return h('button', { type: 'button', role: 'switch', 'aria-checked': String(Boolean(on)), className: 'toggle', onclick }, h('i'), ...label);
  };
  // Its place may have moved since it was drawn: ask the list that is now.
  const remove = async (fault) => {
    const place = (await call('GET', 'faults')).findIndex((one) => one.what === fault.what && one.since === fault.since);
    return place < 0 ? null : call('DELETE', `faults/${place}`);
  };
  const groups = [
    ['connection', Object.entries(kinds.breaks).map(([what]) => [what, named(what)])],
    ['world', Object.entries(kinds.strikes).map(([what]) => [what, named(what)])],
    ['proxy', kinds.statuses.map((what) => [what, `HTTP ${what}`])],
    ['graph', kinds.codes.filter(({ code }) => code > 599 || code < 400).map(({ code, title }) => [code, title])],
  ];
  function draw({ faults }) {
    const sought = filter.value.trim().toLowerCase();
    const drawn = groups.map(([title, all]) => {
      const fitting = all.filter(([what, text]) => `${what} ${text}`.toLowerCase().includes(sought));
      const rows = fitting.map(([what, text]) => row(what, text, faults.find((one) => String(one.what) === String(what))));
      return rows.length ? h('section', {}, h('h3', {}, word(title)), ...rows) : null;
    });
    redraw(list, drawn.filter(Boolean), JSON.stringify([sought, faults]));
  }
  return {
    element: card('switches', [
      h('p', { className: 'hint' }, word('switchesIntro')),
      settings,
      h('div', { className: 'line' }, filter, h('button', { type: 'button', className: 'quiet', onclick: off }, word('allOff'))),
      list,
    ]),
    draw,
  };
}

function asked(form) {
  const said = Object.fromEntries(new FormData(form));
  const facts = { on: said.on, seed: Number(said.seed), ...OFTEN[said.often](Number(said.n)) };
  for (const name of ['customer', 'number']) if (said[name]) facts[name] = said[name];
  for (const name of ['seconds', 'lasts', 'retry_after']) if (said[name]) facts[name] = Number(said[name]);
  for (const name of ['accept', 'late']) if (said[name]) facts[name] = true;
  return facts;
}

export function select(name, label, options, more = {}) {
  const drawn = options.map(([value, text]) => h('option', { value }, text));
  return labelled(label, h('select', { name, ...more }, drawn));
}

export const input = (name, label, more) => labelled(label, h('input', { name, dir: 'ltr', ...more }));

export function check(name, label, more = {}) {
  return h('label', { className: 'check' }, h('input', { type: 'checkbox', name, ...more }), word(label));
}

const labelled = (label, control) => h('label', { className: 'field' }, h('span', {}, word(label)), control);
