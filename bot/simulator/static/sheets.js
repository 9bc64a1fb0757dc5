// A form of WhatsApp Flows on this phone: the simulator asks its endpoint, here it is drawn and typed.

import * as api from './api.js';
import { h, iconButton } from './draw.js';
import { word } from './words.js';

const TEXTS = { heading: 'h3', subheading: 'h4', body: 'p', caption: 'small' };

// Opens the form behind a choice; `sent()` once the customer has sent it.
export async function openSheet(who, one, index, { sent, say }) {
  let view = await api.openForm(who, one.wamid, index).catch((error) => say(error.message));
  if (!view) return;
  const dialog = h('dialog', { className: 'ask form-sheet', 'aria-label': view.title });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);

  const show = (next) => {
    view = next;
    if (!view.sent) return dialog.replaceChildren(sheet(view, send, back, () => dialog.close()));
    dialog.close();
    return sent();
  };
  const act = (promise) => promise.then(show).catch((error) => say(error.message));
  const send = (typed) => act(api.fillForm(view.form, typed));
  const back = () => act(api.formBack(view.form));
  show(view);
  dialog.showModal();
  (dialog.querySelector('.wrong') ?? dialog.querySelector('input, textarea'))?.focus();
}

function sheet(view, send, back, close) {
  const onsubmit = (event) => {
    event.preventDefault();
    event.submitter.disabled = true;
    send(Object.fromEntries(new FormData(event.target)));
  };
  return h('form', { className: 'question', onsubmit }, [
    h('header', {}, [
      view.back && !view.closed && iconButton('back', word('back'), back, 'back'),
      h('h3', { dir: 'auto' }, view.title),
      iconButton('close', word('close'), close),
    ]),
    view.trouble && h('p', { className: 'trouble', role: 'alert', dir: 'auto' }, view.trouble),
    !view.closed && view.parts.map(part),
    !view.closed && view.submit && h('footer', {}, h('button', { className: 'primary' }, view.submit)),
  ]);
}

const part = (one) => (TEXTS[one.kind] ? h(TEXTS[one.kind], { dir: 'auto' }, one.text) : field(one));

function field(one) {
  const wrong = one.error && h('small', { className: 'wrong-words', role: 'alert', dir: 'auto' }, one.error);
  const help = one.help && h('small', { className: 'hint', dir: 'auto' }, one.help);
  if (one.kind === 'radio') return h('fieldset', { className: 'field' }, [
    h('legend', { dir: 'auto' }, one.label),
    one.options.map((option) => choice(one, option)),
    wrong,
  ]);
  return h('label', { className: 'field' }, h('span', { dir: 'auto' }, one.label), control(one), wrong ?? help);
}

function control(one) {
  const { name, value, required } = one;
  const props = { name, value, required, className: one.error ? 'wrong' : '', maxLength: one.most ?? 600 };
  if (one.kind === 'area') return h('textarea', { ...props, rows: 2, dir: 'auto' });
  if (one.kind === 'dropdown') return h('select', { name, required }, one.options.map((option) =>
    h('option', { value: option.id, selected: option.id === value }, option.title)));
  const phone = one.type === 'phone';
  return h('input', { ...props, type: phone ? 'tel' : 'text', dir: phone ? 'ltr' : 'auto' });
}

function choice(one, option) {
  const props = { type: 'radio', name: one.name, value: option.id, required: one.required };
  return h('label', { className: 'pick' }, [
    h('input', { ...props, checked: option.id === one.value }),
    h('span', { dir: 'auto' }, option.title),
    option.description && h('small', { dir: 'auto' }, option.description),
  ]);
}
