// The parts of a bubble beyond words and files: carts, cards, contacts, offers, calls.

import { datum, h, icon, number, price } from './draw.js';
import { clock, shortDay, word } from './words.js';

export function extras(one, act, choice) {
  return [
    one.offer && offer(one.offer),
    one.people && one.people.map(person),
    one.cart && cart(one),
    one.call && call(one.call),
    one.cards.length ? cards(one, act, choice) : null,
  ].flat();
}

export function marks(one) {
  return one.forwarded && h('p', { className: 'mark' }, icon('forward'), word('forwarded'));
}

function offer({ text, ends }) {
  const over = ends && ends < Date.now();
  const now = Date.now() / 1000;
  const until = ends && [word(over ? 'offerEnded' : 'offerEnds'), ' ', shortDay(ends / 1000, now), ' ', clock(ends / 1000)];
  return h('p', { className: 'offer-line' }, h('strong', {}, datum(text)), until && h('small', {}, until));
}

function person({ name, phones }) {
  return h('p', { className: 'place' }, [
    icon('people'),
    h('strong', { dir: 'auto' }, name),
    h('small', {}, phones.filter(Boolean).map((phone) => number(phone))),
  ]);
}

function cart(one) {
  const ordered = one.type === 'order';
  const total = one.cart.reduce((sum, line) => sum + (line.price ?? 0) * (line.quantity ?? 1), 0);
  return h('div', { className: 'cart' }, [
    h('ul', {}, one.cart.slice(0, ordered ? 99 : 3).map(line)),
    ordered && h('p', {}, h('strong', {}, word('total')), number(price({ price: total, currency: one.cart[0]?.currency }))),
  ]);
}

function line(product) {
  const times = product.quantity > 1 ? `${product.quantity} × ` : '';
  return h('li', {}, datum(product.name), product.price && number(times + price(product)));
}

function call({ outcome, seconds }) {
  const length = seconds ? ` · ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` : '';
  return h('p', { className: `called ${outcome}` }, icon('phone'), word(`called_${outcome}`), number(length));
}

function cards(one, act, choice) {
  return h('ul', { className: 'cards', tabIndex: 0 }, one.cards.map((card) => {
    const own = one.choices.slice(card.first, card.first + card.count);
    return h('li', {}, [
      card.header?.file && picture(card.header.file),
      card.body && h('p', { className: 'text', dir: 'auto' }, card.body),
      ...own.map((each, n) => choice(each, card.first + n)),
    ]);
  }));
}

function picture(file) {
  if (file.source && file.kind === 'video') return h('video', { src: file.source, controls: true, preload: 'metadata' });
  if (file.source) return h('img', { src: file.source, alt: file.name ?? '', loading: 'lazy' });
  return h('p', { className: 'file' }, icon('photo'), h('span', { dir: 'auto' }, file.name ?? ''));
}
