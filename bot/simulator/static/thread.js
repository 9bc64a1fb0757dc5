// An open chat: its bubbles, the reply being written, and what can be done to a message.

import * as api from './api.js';
import { attachSheet, chooseItems } from './attach.js';
import { bubble, EMOJIS, quotedBlock } from './bubble.js';
import { offlineBanner } from './chats.js';
import { avatar, datum, h, icon, iconButton, number } from './draw.js';
import { ask } from './forms.js';
import { openSheet } from './sheets.js';
import { day, word } from './words.js';

const NEAR = 120;

export class Thread {
  constructor(who, numberId, suggestions, choose, after) {
    Object.assign(this, { who, numberId, suggestions, choose, after });
    this.drawn = new Map();
    this.dates = new Map();
    this.replying = null;
    this.build();
  }

  build() {
    this.title = h('div', { className: 'chat-title' });
    this.banner = h('div');
    this.log = h('ol', { className: 'log', role: 'log', tabIndex: 0 });
    this.log.addEventListener('scroll', () => this.scrolled());
    // Pictures that load late and a composer that grows must not hide the last message.
    this.log.addEventListener('load', () => this.stay(), true);
    new ResizeObserver(() => this.stay()).observe(this.log);
    this.down = iconButton('down', word('down'), () => this.toEnd('smooth'), 'down');
    this.chips = h('div', { className: 'chips', role: 'group', 'aria-label': word('suggestions') });
    this.answering = h('div', { className: 'answering', hidden: true });
    this.input = h('textarea', {
      rows: 1,
      dir: 'auto',
      placeholder: word('write'),
      'aria-label': word('write'),
      oninput: () => this.grow(),
      onkeydown: (event) => this.key(event),
    });
    this.files = h('input', {
      type: 'file',
      hidden: true,
      accept: 'image/*,video/mp4,audio/*,.pdf,.txt,.docx,.xlsx',
      onchange: () => this.attach(),
    });
    this.element = h('section', { className: 'thread' }, [
      h('header', { className: 'bar' }, [
        iconButton('back', word('back'), () => this.choose.chat(null), 'back'),
        this.title,
      ]),
      this.banner,
      h('div', { className: 'paper' }, this.log, this.down),
      this.chips,
      h('form', { className: 'composer', onsubmit: (event) => this.submit(event) }, [
        this.answering,
        iconButton('attach', word('more'), () => attachSheet(this)),
        this.files,
        this.input,
        h('button', { className: 'send', title: word('send'), 'aria-label': word('send') }, [
          icon('send'),
        ]),
      ]),
    ]);
  }

  draw(state, bubbles) {
    const chat = state.chats.find((one) => one.number === this.numberId);
    const near = this.atEnd();
    this.drawTitle(chat);
    this.banner.replaceChildren(...(state.online ? [] : [offlineBanner(this.choose)]));
    this.drawLog(bubbles, state.now, chat.typing);
    this.drawChips(bubbles);
    const mine = bubbles.at(-1)?.mine && bubbles.length !== this.count;
    if (near || mine || this.count === undefined) this.toEnd();
    this.count = bubbles.length;
    this.scrolled();
  }

  drawTitle(chat) {
    const below = chat.typing ? h('span', { className: 'typing' }, word('typing')) : number(chat.display);
    this.title.replaceChildren(
      avatar(chat.name, chat.number),
      h('div', {}, h('h2', {}, datum(chat.name)), h('p', {}, below)),
    );
  }

  drawLog(bubbles, now, typing) {
    const rows = [];
    let date, side;
    for (const one of bubbles) {
      const today = day(one.at, now);
      if (today !== date) rows.push(this.date(today));
      const first = today !== date || one.mine !== side;
      [date, side] = [today, one.mine];
      rows.push(this.row(one, first));
    }
    if (!bubbles.length) rows.push(h('li', { className: 'empty' }, word('emptyThread')));
    if (typing) rows.push(h('li', { className: 'row theirs first' }, dots()));
    settle(this.log, rows);
  }

  date(text) {
    const known = this.dates.get(text) ?? h('li', { className: 'date' }, h('span', {}, text));
    this.dates.set(text, known);
    return known;
  }

  // A bubble that did not change keeps its element, so that playing sound and focus survive.
  row(one, first) {
    const facts = JSON.stringify([one, first]);
    const known = this.drawn.get(one.wamid);
    if (known?.facts === facts) return known.element;
    const element = bubble(one, this, first);
    this.drawn.set(one.wamid, { facts, element });
    return element;
  }

  drawChips(bubbles) {
    const said = new Set(bubbles.filter((one) => one.mine).map((one) => one.text));
    const left = this.suggestions.filter((text) => !said.has(text));
    const facts = left.join('\n');
    if (facts === this.chipFacts) return;
    this.chipFacts = facts;
    this.chips.replaceChildren(
      ...left.map((text) =>
        h('button', { type: 'button', dir: 'auto', onclick: () => this.say(text) }, text),
      ),
    );
  }

  submit(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text) return;
    this.input.value = '';
    this.grow();
    this.say(text);
  }

  key(event) {
    // While an input method composes, Enter chooses a word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    this.submit(event);
  }

  say(text) {
    const reply_to = this.replying?.wamid;
    this.reply(null);
    this.input.focus();
    this.after(api.write(this.who, { text, to: this.numberId, reply_to }));
  }

  async attach() {
    const [file] = this.files.files;
    this.files.value = '';
    if (!file) return;
    const sort = file.type.split('/')[0];
    const type = ['image', 'video', 'audio'].includes(sort) ? sort : 'document';
    const text = type === 'audio' ? undefined : this.input.value.trim() || undefined;
    this.input.value = '';
    this.after(
      api.upload(file).then((medium) =>
        api.write(this.who, { type, text, to: this.numberId, [type]: { id: medium.id } }),
      ),
    );
  }

  sendVoice(file) {
    this.after(
      api.upload(file).then((medium) =>
        api.write(this.who, { type: 'audio', to: this.numberId, audio: { id: medium.id } }),
      ),
    );
  }

  tap(one, index, given) {
    this.after(api.tap(this.who, one.wamid, index, given));
  }

  async fill(one, index) {
    const fields = ['formName', 'formPhone', 'formCity', 'formAddress', 'formNote'];
    const named = ['name', 'phone', 'city', 'address', 'note'];
    const said = await ask(
      one.choices[index].text || word('fillForm'),
      fields.map((label, n) => ({ name: named[n], label: word(label) })),
    );
    if (said) this.tap(one, index, Object.fromEntries(Object.entries(said).filter(([, value]) => value)));
  }

  // A form with an endpoint of the shop's: what it shows comes from there.
  open(one, index) {
    const sent = () => this.after(Promise.resolve());
    return openSheet(this.who, one, index, { sent, say: (text) => this.choose.say(text) });
  }

  async shop(one, index) {
    const chosen = await chooseItems(one.cart ?? (await api.products(this.numberId)));
    if (chosen?.items.length) this.tap(one, index, { items: chosen.items });
  }

  call(outcome) {
    this.after(api.call_(this.who, this.numberId, outcome));
  }

  async copy(code) {
    await navigator.clipboard?.writeText(code).catch(() => {});
    this.choose.say(`${word('copied')} ${code}`);
  }

  async edit(one) {
    const field = { name: 'text', label: word('newText'), type: 'area', value: one.text, required: true };
    const said = await ask(word('edit'), [field], { submit: word('save') });
    if (!said) return;
    this.after(one.echo ? api.editEcho(one.wamid, said.text) : api.edit(this.who, one.wamid, said.text));
  }

  react(one, emoji) {
    this.after(api.react(this.who, one.wamid, emoji));
  }

  play(one) {
    this.after(api.play(this.who, one.wamid));
  }

  menu(one) {
    const row = document.getElementById(one.wamid);
    const open = row.querySelector('.actions');
    this.closeMenus();
    if (open) return;
    const emojis = EMOJIS.map((emoji) => {
      const chosen = one.my_reaction === emoji;
      const onclick = () => this.react(one, chosen ? '' : emoji);
      return h('button', { type: 'button', 'aria-pressed': String(chosen), onclick }, emoji);
    });
    const reply = h('button', { type: 'button', className: 'reply', onclick: () => this.reply(one) }, [
      icon('reply'),
      word('reply'),
    ]);
    const menu = h('div', { className: 'actions', role: 'group', 'aria-label': word('actions') }, [
      h('div', { className: 'emojis' }, emojis),
      reply,
      ...this.deeds(one).map(([drawn, name, onclick]) =>
        h('button', { type: 'button', className: 'reply', onclick }, icon(drawn), word(name)),
      ),
    ]);
    menu.addEventListener('click', () => this.closeMenus());
    row.querySelector('.bubble').append(menu);
    menu.scrollIntoView({ block: 'nearest' });
    menu.querySelector('button').focus({ preventScroll: true });
  }

  deeds(one) {
    const forward = ['forward', 'forward', () => this.after(api.forward(this.who, one.wamid))];
    if (one.call || one.revoked) return [];
    if (!one.mine && !one.echo) return [forward];
    const revoke = () => (one.echo ? api.revokeEcho(one.wamid) : api.revoke(this.who, one.wamid));
    const edit = ['edit', one.echo ? 'editEcho' : 'edit', () => this.edit(one)];
    const remove = ['remove', one.echo ? 'removeEcho' : 'remove', () => this.after(revoke())];
    return one.type === 'text' ? [forward, edit, remove] : [forward, remove];
  }

  closeMenus() {
    for (const menu of this.element.querySelectorAll('.actions, .shade')) menu.remove();
  }

  reply(one) {
    this.replying = one;
    this.answering.hidden = !one;
    if (!one) return;
    const business = this.title.querySelector('h2').textContent;
    this.answering.replaceChildren(
      h('div', { className: `quoted ${one.mine ? 'quoted-mine' : ''}` }, quotedBlock({ ...one, business })),
      iconButton('close', word('cancelReply'), () => this.reply(null)),
    );
    this.input.focus();
  }

  list(one) {
    const rows = one.choices.map((choice, index) => {
      const onclick = () => {
        this.closeMenus();
        this.tap(one, index);
      };
      const note = choice.description && h('small', { dir: 'auto' }, choice.description);
      return h('button', { type: 'button', className: 'sheet-row', onclick }, datum(choice.text), note);
    });
    this.sheet(one.menu ?? word('choose'), rows);
  }

  sheet(title, rows) {
    const sheet = h('div', { className: 'sheet', role: 'dialog', 'aria-label': title });
    sheet.append(
      h('header', {}, h('h3', {}, datum(title)), iconButton('close', word('close'), () => this.closeMenus())),
      ...rows,
    );
    const shade = h('div', { className: 'shade' }, sheet);
    shade.addEventListener('click', (event) => event.target === shade && this.closeMenus());
    this.element.append(shade);
    rows[0].focus();
  }

  enlarge(source) {
    const light = h('dialog', { className: 'lightbox' });
    light.append(
      h('img', { src: source, alt: '' }),
      iconButton('close', word('close'), () => light.close()),
    );
    light.addEventListener('click', (event) => event.target === light && light.close());
    light.addEventListener('close', () => light.remove());
    document.body.append(light);
    light.showModal();
  }

  jump(wamid) {
    const row = document.getElementById(wamid);
    row?.scrollIntoView({ block: 'center', behavior: 'smooth' });
    row?.classList.add('found');
    setTimeout(() => row?.classList.remove('found'), 1200);
  }

  grow() {
    this.input.style.blockSize = 'auto';
    this.input.style.blockSize = `${Math.min(this.input.scrollHeight, 120)}px`;
  }

  atEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR;
  }

  toEnd(behavior = 'instant') {
    this.log.scrollTo({ top: this.log.scrollHeight, behavior });
  }

  stay() {
    if (this.pinned) this.toEnd();
  }

  scrolled() {
    this.pinned = this.atEnd();
    this.down.hidden = this.pinned;
  }
}

// Only what differs moves: an element that is taken out stops its sound and loses the focus.
function settle(list, rows) {
  rows.forEach((row, place) => {
    const there = list.children[place];
    if (there !== row) list.insertBefore(row, there ?? null);
  });
  while (list.children.length > rows.length) list.lastElementChild.remove();
}

function dots() {
  return h('div', { className: 'bubble dots', 'aria-label': word('typing') }, h('i'), h('i'), h('i'));
}
