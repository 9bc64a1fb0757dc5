// A small question in a dialog: resolves to what was filled in, or to null.

import { h, iconButton } from './draw.js';
import { word } from './words.js';

export function ask(title, fields, { submit = word('send') } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const form = h('form', { className: 'question' }, [
      h('header', {}, h('h3', {}, title), iconButton('close', word('close'), () => dialog.close())),
      ...fields.map(field),
      h('footer', {}, h('button', { className: 'primary' }, submit)),
    ]);
    const dialog = h('dialog', { className: 'ask', 'aria-label': title }, form);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      answer = Object.fromEntries(new FormData(form));
      dialog.close();
    });
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    form.querySelector('input, textarea, select')?.focus();
  });
}

function field({ name, label, type = 'text', value = '', options, ...more }) {
  const props = { name, value, ...more };
  if (options) return labelled(label, h('select', { name }, options.map(option)));
  if (type === 'area') return labelled(label, h('textarea', { ...props, rows: 3, dir: 'auto' }));
  const dir = ['tel', 'number'].includes(type) ? 'ltr' : 'auto';
  return labelled(label, h('input', { type, dir, ...props }));
}

const option = ([value, text]) => h('option', { value }, text);

const labelled = (label, control) => h('label', { className: 'field' }, h('span', { dir: 'auto' }, label), control);
