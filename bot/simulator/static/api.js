// The control API of the simulator, and the stream that says whose phone changed.

const ROOT = '_control/';

export async function call(method, path, body) {
  const form = body instanceof FormData;
  const response = await fetch(ROOT + path, {
    method,
    headers: body && !form ? { 'Content-Type': 'application/json' } : {},
    body: form ? body : body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? response.statusText);
  return answer;
}

const person = (who, rest) => `customers/${encodeURIComponent(who)}/${rest}`;

export const people = () => call('GET', 'customers');
export const chats = (who) => call('GET', person(who, 'chats'));
export const bubbles = (who, number) => call('GET', person(who, `chats/${number}`));
export const write = (who, message) => call('POST', person(who, 'messages'), message);
export const tap = (who, wamid, index, given) => call('POST', person(who, 'taps'), { wamid, index, given });
export const openForm = (who, wamid, index) => call('POST', person(who, 'forms'), { wamid, index });
export const fillForm = (form, typed) => call('POST', `forms/${form}`, typed);
export const formBack = (form) => call('POST', `forms/${form}/back`, {});
export const sample = (who, kind, to) => call('POST', person(who, 'samples'), { kind, to });
export const forward = (who, wamid) => call('POST', person(who, 'forwards'), { wamid });
export const edit = (who, wamid, text) => call('POST', person(who, 'edits'), { wamid, text });
export const revoke = (who, wamid) => call('POST', person(who, 'revokes'), { wamid });
export const order = (who, cart) => call('POST', person(who, 'orders'), cart);
// `call` is this file's own way to the control API.
export const call_ = (who, to, outcome) => call('POST', person(who, 'calls'), { to, outcome });
export const block = (who, number, blocked) => call('PUT', person(who, 'blocks'), { number, blocked });
export const receipts = (who, facts) => call('PUT', person(who, 'receipts'), facts);
export const identity = (who, facts) => call('PUT', person(who, 'identity'), facts);
export const newPerson = (facts) => call('POST', 'customers', facts);
export const products = (number) => call('GET', `numbers/${number}/products`);
export const echo = (message) => call('POST', 'echoes', message);
export const editEcho = (wamid, text) => call('POST', `echoes/${encodeURIComponent(wamid)}/edit`, { text });
export const revokeEcho = (wamid) => call('POST', `echoes/${encodeURIComponent(wamid)}/revoke`, {});
export const history = (number) => call('POST', `numbers/${number}/history`, {});
export const contacts = (number) => call('POST', `numbers/${number}/contacts`, {});
export const react = (who, wamid, emoji) =>
  call('POST', person(who, 'reactions'), { wamid, emoji });
export const read = (who, number) => call('POST', person(who, 'reads'), { number });
export const play = (who, wamid) => call('POST', person(who, 'plays'), { wamid });
export const setOnline = (who, online) => call('PUT', person(who, 'online'), { online });

export const templates = () => call('GET', 'templates');
export const judge = (id, verb, facts) => call('POST', `templates/${id}/${verb}`, facts);

export async function upload(file) {
  const form = new FormData();
  form.append('file', file);
  return call('POST', 'media', form);
}

// `changed(customers)` after news, `changed()` when the connection is there again.
export function live(changed, lost) {
  const stream = new EventSource(`${ROOT}events`);
  stream.onopen = () => changed();
  stream.onmessage = (event) => changed(JSON.parse(event.data).customers);
  stream.onerror = lost;
}
