// One message: what it quotes, shows and offers to tap, its time and its ticks.

import { ticks } from './chats.js';
import { datum, h, icon, iconButton, marked } from './draw.js';
import { extras, marks } from './extras.js';
import { clock, word } from './words.js';

export const EMOJIS = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

const CHOICES = {
  url: link,
  phone_number: (choice) => h('a', { className: 'choice', href: `tel:${choice.phone}` }, [
    icon('phone'),
    choice.text,
  ]),
  location: (choice, tap) => button('place', word('sendLocation'), tap),
  contact: (choice, tap) => button('phone', choice.text || word('giveContact'), tap),
  flow: (choice, _, act, one, index) =>
    button('edit', choice.text || word('fillForm'), () => act[choice.asks ? 'open' : 'fill'](one, index)),
  address: (choice, _, act, one, index) =>
    button('place', choice.text || word('giveAddress'), () => act.fill(one, index)),
  cart: (choice, _, act, one, index) =>
    button('cart', choice.text || word('seeItems'), () => act.shop(one, index)),
  call: (choice, _, act) => button('phone', choice.text || word('call'), () => act.call('answered')),
  call_permission: (choice, _, act, one, index) => [
    button('phone', word('allowCalls'), () => act.tap(one, index, { response: 'accept' })),
    button('close', word('refuseCalls'), () => act.tap(one, index, { response: 'reject' })),
  ],
  copy_code: (choice, _, act) => button('copy', choice.text, () => act.copy(choice.code ?? '')),
  reply: (choice, tap) => button('reply', choice.text, tap),
  button_reply: (choice, tap) => button('reply', choice.text, tap),
};

export function bubble(one, act, first) {
  if (one.revoked) return revoked(one, first);
  const listed = one.choices.some((choice) => choice.kind === 'list_reply');
  return h(
    'li',
    {
      id: one.wamid,
      className: ['row', one.mine ? 'mine' : 'theirs', first ? 'first' : ''].join(' '),
    },
    h(
      'div',
      { className: `bubble kind-${one.type}` },
      iconButton('more', word('actions'), () => act.menu(one), 'more'),
      marks(one),
      one.quoted && quoted(one.quoted, act),
      header(one.header, act),
      body(one, act),
      extras(one, act, (choice, index) => drawnChoice(choice, index, one, act)),
      one.footer && h('p', { className: 'footer' }, datum(one.footer)),
      meta(one),
      reactions(one, act),
    ),
    listed
      ? h('div', { className: 'choices' }, button('menu', one.menu ?? word('choose'), () => act.list(one)))
      : choices(one, act),
  );
}

function meta(one) {
  const edited = one.edited && h('span', {}, word('edited'));
  return h('span', { className: 'meta' }, edited, h('time', {}, clock(one.at)), one.mine && !one.call && ticks(one.status));
}

function revoked(one, first) {
  const classes = ['row', one.mine ? 'mine' : 'theirs', first ? 'first' : ''].join(' ');
  const words = h('p', { className: 'text unsaid' }, word('removed'));
  return h('li', { id: one.wamid, className: classes }, h('div', { className: 'bubble' }, words, meta(one)));
}

export function quotedBlock(quote) {
  return [
    h('strong', {}, quote.mine ? word('you') : datum(quote.business)),
    h('span', { dir: 'auto' }, quote.text.replaceAll('*', '') || word(quote.type)),
  ];
}

function quoted(quote, act) {
  return h(
    'button',
    {
      type: 'button',
      className: `quoted ${quote.mine ? 'quoted-mine' : ''}`,
      onclick: () => act.jump(quote.wamid),
    },
    quotedBlock(quote),
  );
}

function header(one, act) {
  if (!one) return null;
  if (one.text) return h('p', { className: 'header', dir: 'auto' }, one.text);
  return one.file && file(one.file, act);
}

function body(one, act) {
  const text = one.text && h('p', { className: 'text', dir: 'auto' }, marked(one.text));
  if (one.file) return [file(one.file, act, one), text];
  if (one.place) return place(one);
  if (one.people || one.call) return null;
  if (one.allowed !== null) return h('p', { className: 'text' }, word(one.allowed ? 'allowCalls' : 'refuseCalls'));
  if (text) return text;
  if (one.cart || one.cards.length) return null;
  return h('p', { className: 'text unsaid' }, word(one.type));
}

function file(medium, act, one) {
  const name = medium.name || word(medium.kind);
  if (medium.source && (medium.kind === 'image' || medium.kind === 'sticker')) {
    const props = { type: 'button', className: 'picture', 'aria-label': word('openImage') };
    const picture = h('img', { src: medium.source, alt: one?.text || name, loading: 'lazy' });
    return h('button', { ...props, onclick: () => act.enlarge(medium.source) }, picture);
  }
  if (medium.source && medium.kind === 'video') {
    return h('video', { src: medium.source, controls: true, preload: 'metadata' });
  }
  if (medium.source && medium.kind === 'audio') {
    const heard = () => one && !one.mine && act.play(one);
    return h('audio', { src: medium.source, controls: true, preload: 'metadata', onplay: heard });
  }
  const address = medium.source ?? medium.link;
  const props = { className: 'file', href: address, target: '_blank', rel: 'noopener noreferrer' };
  const drawn = icon(medium.kind === 'document' ? 'file' : 'photo');
  return h('a', props, drawn, h('span', { dir: 'auto' }, name));
}

function place(one) {
  const { latitude, longitude, address } = one.place;
  return h(
    'p',
    { className: 'place' },
    icon('place'),
    h('strong', { dir: 'auto' }, one.text || word('location')),
    h('small', { dir: 'auto' }, address || `${latitude}, ${longitude}`),
  );
}

function choices(one, act) {
  if (one.cards.length) return null;
  const drawn = one.choices.map((choice, index) => drawnChoice(choice, index, one, act));
  return drawn.length ? h('div', { className: 'choices' }, drawn.flat()) : null;
}

function drawnChoice(choice, index, one, act) {
  const draw = CHOICES[choice.kind];
  const drawn = draw?.(choice, () => act.tap(one, index), act, one, index);
  if (one.tapped.includes(index)) [drawn].flat().forEach((each) => each?.classList.add('tapped'));
  return drawn;
}

function button(name, text, onclick) {
  const props = { type: 'button', className: 'choice', onclick };
  return h('button', props, icon(name), datum(text));
}

function link(choice) {
  if (!/^https?:\/\//.test(choice.url)) return h('span', { className: 'choice' }, choice.text);
  const props = { className: 'choice', href: choice.url, target: '_blank', rel: 'noopener noreferrer' };
  return h('a', props, icon('link'), datum(choice.text));
}

function reactions(one, act) {
  if (!one.reactions.length) return null;
  const undo = one.my_reaction ? () => act.react(one, '') : undefined;
  const emojis = [...new Set(one.reactions)].join('');
  return h('button', { type: 'button', className: 'reactions', onclick: undo }, emojis);
}
