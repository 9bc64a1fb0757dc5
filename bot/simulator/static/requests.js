// The ledger's latest calls to Graph: what was asked, for whom, what was answered, and which fault hit.

import { datum, h, number } from './draw.js';
import { clock, word } from './words.js';

export function requestsTable({ card, named, redraw }) {
  const body = h('tbody');
  const heads = ['at', 'asked', 'to', 'answered', 'faultHit'].map((name) => h('th', { scope: 'col' }, word(name)));
  const table = h('table', {}, h('thead', {}, h('tr', {}, heads)), body);
  const empty = h('p', { className: 'hint' }, word('noRequests'));
  const ledger = h('a', { href: '_control/ledger' }, word('wholeLedger'));
  return {
    element: card('requests', [empty, h('div', { className: 'scroll', tabIndex: 0 }, table), ledger]),
    draw({ requests: { requests } }) {
      empty.hidden = requests.length > 0;
      table.hidden = !requests.length;
      redraw(body, requests.map((one) => row(one, named)), JSON.stringify(requests.map((one) => one.at)));
    },
  };
}

function row(one, named) {
  const code = one.code ? ` · ${one.code}` : '';
  const fault = one.fault && [datum(named(one.fault.what)), one.fault.scenario && h('small', {}, ' ', datum(named(one.fault.scenario)))];
  return h('tr', { className: one.answer >= 400 || !one.answer ? 'bad' : '' }, [
    h('td', {}, number(clock(one.time))),
    h('td', {}, h('bdi', { dir: 'ltr' }, h('b', {}, one.method), ' ', one.path)),
    h('td', {}, one.about?.to && datum(one.about.to)),
    h('td', {}, number(`${one.answer ?? '—'}${code}`)),
    h('td', {}, fault),
  ]);
}
