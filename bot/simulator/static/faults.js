// The page of faults: scenarios, switches, webhooks, the clock, and what calls met.

import { call } from './api.js';
import { NAMES } from './fault-words.js';
import { datum, h, number } from './draw.js';
import { requestsTable } from './requests.js';
import { switches } from './switches.js';
import { LANGUAGES, speak, spoken, word } from './words.js';
import { clockCard, mannerCard, webhookCard } from './webhooks.js';

const EVERY = 2000;
const news = document.getElementById('news');
const page = document.getElementById('page');
const state = {};
let parts = [];

const named = (key) => NAMES[spoken()][key] ?? String(key);

async function load() {
  const asked = ['faults', 'scenarios', 'requests', 'webhooks', 'clock', 'reviews', 'templates'];
  const answers = await Promise.all(asked.map((path) => call('GET', path)));
  asked.forEach((name, n) => (state[name] = answers[n]));
}

async function act(promise) {
  try {
    const answer = await promise;
    say('');
    await refresh();
    return answer;
  } catch (error) {
    say(`${word('refused')} ${error.message}`);
    return null;
  }
}

async function refresh() {
  await load();
  for (const part of parts) part.draw(state);
}

function say(text) {
  if (news.textContent !== text) news.textContent = text;
}

function head() {
  const languages = Object.entries(LANGUAGES).map(([code, name]) => {
    const pressed = String(code === spoken());
    return h('button', { type: 'button', lang: code, 'aria-pressed': pressed, onclick: () => choose(code) }, name);
  });
  document.title = `${word('faultsTitle')} · Wasl`;
  document.getElementById('head').replaceChildren(
    h('div', {}, h('h1', {}, word('faultsTitle')), h('p', {}, word('faultsIntro'))),
    h('nav', {}, h('a', { href: './' }, word('backToPhone')), h('a', { href: 'phones' }, word('sideBySide'))),
    h('div', { className: 'switch', role: 'group', 'aria-label': word('language') }, languages),
  );
}

function choose(code) {
  localStorage.setItem('language', code);
  speak(code);
  build();
}

function scenarios() {
  const seed = h('input', { type: 'number', value: 1, dir: 'ltr', min: 0 });
  const running = h('p', { className: 'running', role: 'status' });
  const list = h('ul', { className: 'scenarios' });
  const run = (name) => act(call('POST', 'scenarios', { name, seed: Number(seed.value) }));
  const end = () => act(call('DELETE', 'scenarios'));
  const row = (one, on) =>
    h('li', { className: on ? 'on' : '' }, [
      h('strong', {}, datum(named(one.name))),
      h('small', {}, summary(one).map((part, n) => [n ? ' · ' : '', datum(part)])),
      h('button', { type: 'button', className: on ? '' : 'quiet', onclick: on ? end : () => run(one.name) }, word(on ? 'end' : 'run')),
    ]);
  return {
    element: card('scenarios', [h('label', { className: 'field short' }, h('span', {}, word('seed')), seed), running, list]),
    draw({ scenarios: { scenarios: all, running: now } }) {
      const words = now && [word('running'), ' ', datum(named(now.name)), ' · ', word('seed'), ' ', number(now.seed)];
      running.replaceChildren(...(now ? words : [word('noneRunning')]));
      redraw(list, all.map((one) => row(one, now?.name === one.name)), JSON.stringify(now));
    },
  };
}

function summary({ rules, manner }) {
  const share = (rule) => (rule.chance ? ` ${Math.round(rule.chance * 100)} %` : rule.nth ? ` n=${rule.nth}` : '');
  const calls = rules.map((rule) => `${named(rule.what)}${share(rule)}`);
  const ways = Object.entries(manner).map(([name, value]) => `${name}=${value}`);
  return [...calls, ...ways];
}

// Only when something differs: a button under the pointer must not be replaced.
function redraw(element, children, facts) {
  if (element.facts === facts) return;
  element.facts = facts;
  element.replaceChildren(...children);
}

function card(title, content) {
  return h('section', { className: `card ${title}` }, h('h2', {}, word(title)), ...content);
}

function build() {
  head();
  const tools = { act, call, say, card, named, redraw, state };
  parts = [scenarios(), switches(tools), mannerCard(tools), webhookCard(tools), clockCard(tools), requestsTable(tools)];
  page.replaceChildren(...parts.map((part) => part.element));
  for (const part of parts) part.draw(state);
}

speak(spoken());
[state.kinds, state.people, state.samples] = await Promise.all(
  ['faults/kinds', 'customers', 'webhooks/kinds'].map((path) => call('GET', path)),
);
await load();
build();
setInterval(() => document.visibilityState === 'visible' && refresh().then(() => say(''), () => say(word('broken'))), EVERY);
