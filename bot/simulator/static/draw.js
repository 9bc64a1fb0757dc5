// Building blocks: elements without innerHTML, icons, avatars, WhatsApp's own text marks.

const SVG = 'http://www.w3.org/2000/svg';

const ICONS = {
  back: 'M15 5l-7 7 7 7',
  send: 'M4 12l16-8-6 16-3-6z',
  attach: 'M12 5v14M5 12h14',
  reply: 'M10 8L5 12.5 10 17M5.5 12.5H14a5 5 0 0 1 5 5',
  link: 'M13 5h6v6M19 5l-9 9M17 14v5H5V7h5',
  menu: 'M5 7h14M5 12h14M5 17h9',
  copy: 'M8.5 8.5h11v11h-11zM5 15.5h-.5v-11h11V5',
  more: 'M7 10l5 5 5-5',
  close: 'M6 6l12 12M18 6L6 18',
  down: 'M12 5v13M6 12.5l6 6 6-6',
  people: 'M9 11a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 9 11zM3 19c0-3.2 2.7-5 6-5s6 1.8 6 5M16 5a3 3 0 0 1 0 5.8M17.5 14.3c2.1.6 3.5 2.2 3.5 4.7',
  plane: 'M21 12l-7-2.2L10.5 4H9l1.2 5.4L6 9l-1.6-2H3l1 5-1 5h1.4L6 15l4.2-.4L9 20h1.5l3.5-5.8z',
  wifi: 'M3.5 9.5a13 13 0 0 1 17 0M6.5 13a8.5 8.5 0 0 1 11 0M9.5 16.4a4 4 0 0 1 5 0M12 19.5h.01',
  file: 'M7 3h7l4 4v14H7zM14 3v4h4',
  photo: 'M4 6h16v12H4zM4 16l5-5 4 4 3-2.5 4 3.5M15.5 9.5h.01',
  place: 'M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11zM12 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z',
  phone: 'M6 3.5h3l1.5 4.5L8.3 9.6a12 12 0 0 0 6 6l1.7-2.1 4.5 1.5v3a2 2 0 0 1-2.2 2A16.5 16.5 0 0 1 4 5.7a2 2 0 0 1 2-2.2z',
  waiting: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 1.8',
  sent: 'M6 13l4.2 4.2L19.5 7.5',
  delivered: 'M1.5 13l4.2 4.2L15 7.5M10.2 15.6l1.6 1.6 10.2-9.7',
  smile: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM9 10h.01M15 10h.01M8.5 14a4.2 4.2 0 0 0 7 0',
};

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

export function icon(name, label) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon icon-${name}`);
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, onclick, extra = '') {
  const props = { type: 'button', className: `icon-button ${extra}`, title: label, onclick };
  return h('button', { ...props, 'aria-label': label }, icon(name));
}

export function avatar(name, id) {
  const parts = name.replace(/@|\b[dl][’']/gi, '').split(/\s+/).filter(Boolean);
  const initials = parts.slice(0, 2).map((part) => [...part][0]);
  // Two Arabic initials would join into something that is not a name.
  const shown = /\p{Script=Arabic}/u.test(name) ? initials[0] : initials.join('').toUpperCase();
  const tone = [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % 6;
  return h('span', { className: `avatar tone-${tone}`, 'aria-hidden': 'true' }, shown);
}

export const number = (text) => h('bdi', { dir: 'ltr', className: 'number' }, text);

export const datum = (text) => h('bdi', {}, text);

const MARKS = [
  [/```([^`]+)```/, 'code'],
  [/(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])/, 'strong'],
  [/(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])/, 'em'],
  [/(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])/, 's'],
  [/(https?:\/\/[^\s<]+[^\s<.,;:!?»)])/, 'a'],
];

// *bold*, _italic_, ~struck~, ```code``` and links, as the phone shows them.
export function marked(text) {
  for (const [pattern, tag] of MARKS) {
    const found = pattern.exec(text);
    if (!found) continue;
    const before = text.slice(0, found.index);
    const after = text.slice(found.index + found[0].length);
    const inner = tag === 'a' || tag === 'code' ? [found[1]] : marked(found[1]);
    return [...marked(before), h(tag, linked(tag, found[1]), ...inner), ...marked(after)];
  }
  return text ? [text] : [];
}

function linked(tag, address) {
  return tag === 'a' ? { href: address, target: '_blank', rel: 'noopener noreferrer' } : {};
}
