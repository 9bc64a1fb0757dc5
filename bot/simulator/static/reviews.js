// Meta's desk for templates, below the people: what waits for a review, and changes of mind.

import { datum, h } from './draw.js';
import { word } from './words.js';

let open = false;

export function reviews(templates, judge) {
  const waiting = templates.filter((one) => one.status === 'PENDING').length;
  const count = waiting ? h('span', { className: 'badge' }, waiting) : null;
  return h(
    'details',
    { className: 'reviews', open, ontoggle: (event) => (open = event.target.open) },
    h('summary', {}, h('h2', {}, word('reviews')), count),
    h('ul', {}, templates.map((one) => line(one, judge))),
  );
}

function line(one, judge) {
  const reason = one.reason === 'NONE' ? [] : [one.reason];
  const facts = [one.shop, one.language, one.category, one.status, one.quality, ...reason].join(' · ');
  return h(
    'li',
    {},
    h('strong', {}, datum(one.name)),
    h('small', {}, datum(facts)),
    h('span', { className: 'verdicts' }, verdicts(one).map(([name, ask]) => choice(name, () => judge(one.id, ...ask)))),
  );
}

function choice(name, onclick) {
  return h('button', { type: 'button', onclick }, word(name));
}

function verdicts({ status, category }) {
  const approve = ['approve', ['review', { event: 'APPROVED' }]];
  if (status === 'PENDING') {
    const promotional = { event: 'REJECTED', reason: 'PROMOTIONAL' };
    const format = { event: 'REJECTED', reason: 'INVALID_FORMAT' };
    return [approve, ['refuseOffer', ['review', promotional]], ['refuseFormat', ['review', format]]];
  }
  if (status !== 'APPROVED') return [approve];
  const pause = ['pause', ['review', { event: 'PAUSED' }]];
  const complain = ['complain', ['complaint', {}]];
  if (category !== 'UTILITY') return [pause, complain];
  return [
    pause,
    complain,
    ['announce', ['category', { category: 'MARKETING', announce: true }]],
    ['recategorise', ['category', { category: 'MARKETING' }]],
  ];
}
