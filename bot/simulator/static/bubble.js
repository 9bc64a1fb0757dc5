// One message: what it quotes, shows and offers to tap, its time and its ticks.

import { ticks } from './chats.js';
import { datum, h, icon, iconButton, marked } from './draw.js';
import { clock, word } from './words.js';

export const EMOJIS = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

const CHOICES = {
  url: link,
  phone_number: (choice) => h('a', { className: 'choice', href: `tel:${choice.phone}` }, [
    icon('phone'),
    choice.text,
  ]),
  location: (choice, tap) => button('place', word('sendLocation'), tap),
  reply: (choice, tap) => button('reply', choice.text, tap),
  button_reply: (choice, tap) => button('reply', choice.text, tap),
  copy_code: (choice) => still('copy', [choice.text, choice.code].filter(Boolean).join(' · ')),
  otp: (choice) => still('copy', choice.text),
  catalog: (choice) => still('menu', choice.text || word('catalog')),
  mpm: (choice) => still('menu', choice.text),
  flow: (choice) => still('menu', choice.text),
  contact: () => still('phone', word('shareContact')),
  request_contact_info: () => still('phone', word('shareContact')),
  voice_call: (choice) => still('phone', choice.text),
};

function still(name, text) {
  return h('span', { className: 'choice' }, icon(name), datum(text));
}

export function bubble(one, act, first) {
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
      one.quoted && quoted(one.quoted, act),
      header(one.header, act),
      one.offer && h('p', { className: 'header', dir: 'auto' }, one.offer),
      body(one, act),
      one.footer && h('p', { className: 'footer' }, datum(one.footer)),
      h('span', { className: 'meta' }, h('time', {}, clock(one.at)), one.mine && ticks(one.status)),
      reactions(one, act),
    ),
    listed
      ? h('div', { className: 'choices' }, button('menu', one.menu ?? word('choose'), () => act.list(one)))
      : choices(one, act),
    one.cards?.length ? h('ol', { className: 'cards' }, one.cards.map((card) => drawnCard(card, act))) : null,
  );
}

function drawnCard(card, act) {
  const buttons = card.choices.map((choice) => CHOICES[choice.kind]?.(choice));
  return h('li', { className: 'bubble' }, header(card.header, act), h('p', { className: 'text', dir: 'auto' }, marked(card.text)), buttons);
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
  if (one.place) return place({ place: one.place, text: one.place.name });
  return one.file && file(one.file, act);
}

function body(one, act) {
  const text = one.text && h('p', { className: 'text', dir: 'auto' }, marked(one.text));
  if (one.file) return [file(one.file, act, one), text];
  if (one.place) return place(one);
  if (text) return text;
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
  const drawn = one.choices.map((choice, index) => {
    const draw = CHOICES[choice.kind];
    const done = one.tapped.includes(index);
    const drawnChoice = draw?.(choice, () => act.tap(one, index));
    if (done) drawnChoice?.classList.add('tapped');
    return drawnChoice;
  });
  return drawn.length ? h('div', { className: 'choices' }, drawn) : null;
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
