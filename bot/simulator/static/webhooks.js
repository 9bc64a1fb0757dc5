// How webhooks travel, one of any kind sent by hand, and the clock that makes them late.

import { datum, h, number } from './draw.js';
import { check, input, select } from './switches.js';
import { spoken, word } from './words.js';

const NUMBERS = { duplicate: 'duplicate', batch: 'batch', delay: 'delay', late: 'late_', aged: 'aged', share: 'share' };
const CHECKS = {
  shuffle: 'shuffle',
  ordered: 'ordered',
  drop: 'drop',
  early: 'early',
  contacts: 'contacts_',
  senders: 'senders',
  phones: 'phones_',
  strange: 'strange',
};

export function mannerCard({ act, call, card, state }) {
  const { shapes, priced, signatures } = state.kinds;
  const named = (names) => names.map((name) => [name, name]);
  const form = h('form', { className: 'settings', onsubmit: (event) => event.preventDefault() }, [
    ...Object.entries(NUMBERS).map(([name, label]) => input(name, label, { type: 'number', min: 0, step: 'any' })),
    select('shape', 'shape', named(shapes)),
    select('signature', 'signature', named(signatures)),
    select('pricing', 'pricing', named(priced)),
    ...Object.entries(CHECKS).map(([name, label]) => check(name, label)),
  ]);
  form.addEventListener('change', ({ target }) => {
    const value = target.type === 'checkbox' ? target.checked : target.type === 'number' ? Number(target.value) : target.value;
    act(call('PUT', 'webhooks', { [target.name]: value }));
  });
  return {
    element: card('webhooksTitle', [form]),
    draw({ webhooks }) {
      for (const [name, value] of Object.entries(webhooks)) {
        const control = form.elements[name];
        if (!control || control === document.activeElement) continue;
        if (control.type === 'checkbox') control.checked = value;
        else control.value = value;
      }
    },
  };
}

export function webhookCard({ act, call, card, state }) {
  const { samples, people } = state;
  const fields = [...new Set(samples.map((one) => one.field))];
  const kind = h('select', { name: 'kind', dir: 'ltr' }, fields.map((field) =>
    h('optgroup', { label: field }, samples.filter((one) => one.field === field).map((one) => h('option', { value: one.kind }, one.kind))),
  ));
  const sent = h('pre', { className: 'sent', dir: 'ltr', hidden: true, tabIndex: 0 });
  const form = h('form', { className: 'settings' }, [
    h('label', { className: 'field wide' }, h('span', {}, word('kind')), kind),
    select('who', 'forCustomer', people.customers.map((one) => [one.id, one.name])),
    select('number', 'forNumber', people.numbers.map((one) => [one.id, `${one.name} ${one.display}`])),
    h('button', { className: 'primary' }, word('sendIt')),
  ]);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const value = await act(call('POST', 'webhooks/kinds', Object.fromEntries(new FormData(form))));
    if (!value) return;
    sent.textContent = JSON.stringify(value, null, 1);
    sent.hidden = false;
  });
  return { element: card('sendWebhook', [form, sent]), draw() {} };
}

export function clockCard({ act, call, card }) {
  const now = h('p', { className: 'now' });
  const held = h('p', {});
  const ahead = (seconds) => () => act(call('PUT', 'clock', { advance: seconds }));
  const button = (name, onclick) => h('button', { type: 'button', className: 'quiet', onclick }, word(name));
  const reviews = h('form', { className: 'settings', onsubmit: (event) => event.preventDefault() }, [
    select('reviewer', 'reviewer', [['rules', word('byRules')], ['yes', word('alwaysYes')]]),
    input('after', 'reviewAfter', { type: 'number', min: 0, step: 'any' }),
  ]);
  reviews.addEventListener('change', () => {
    const { reviewer, after } = Object.fromEntries(new FormData(reviews));
    act(call('PUT', 'reviews', { reviewer, after: after === '' ? null : Number(after) }));
  });
  return {
    element: card('time', [
      now,
      h('div', { className: 'line wrap' }, [
        button('anHour', ahead(3600)),
        button('aDay', ahead(86_400)),
        button('aWeek', ahead(7 * 86_400)),
        button('realTime', () => act(call('PUT', 'clock', { now: null }))),
      ]),
      reviews,
      h('div', { className: 'line wrap' }, button('judgeNow', () => act(call('POST', 'reviews')))),
      held,
      h('div', { className: 'line wrap' }, [
        button('releaseHeld', () => act(call('POST', 'held', {}))),
        button('dropHeld', () => act(call('POST', 'held', { drop: true }))),
      ]),
    ]),
    draw({ clock, reviews: { reviewer, after }, requests }) {
      const said = new Date(clock.now).toLocaleString(spoken() === 'ar' ? 'ar-MA' : spoken(), { dateStyle: 'full', timeStyle: 'short' });
      now.replaceChildren(word('now'), ' ', datum(said));
      held.replaceChildren(word('held'), ' ', number(requests.held));
      if (reviews.contains(document.activeElement)) return;
      reviews.elements.reviewer.value = reviewer;
      reviews.elements.after.value = after ?? '';
    },
  };
}
