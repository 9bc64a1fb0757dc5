// What can be put into a chat besides words: files, samples, a voice, a place, a contact, a cart, a call.

import * as api from './api.js';
import { datum, h, icon, iconButton, price } from './draw.js';
import { ask } from './forms.js';
import { record } from './voice.js';
import { word } from './words.js';

const PLACES = [
  { latitude: 33.5731, longitude: -7.5898, name: 'Casablanca' },
  { latitude: 31.6295, longitude: -7.9811, name: 'Marrakech, Guéliz' },
  { latitude: 36.7538, longitude: 3.0588, name: 'الجزائر العاصمة' },
];

export function attachSheet(thread) {
  const { who, numberId: to } = thread;
  const sample = (kind) => thread.after(api.sample(who, kind, to));
  const offers = [
    ['file', 'fromFiles', () => thread.files.click()],
    ['photo', 'samplePhoto', () => sample('image')],
    ['voice', 'sampleVoice', () => sample('audio')],
    ['voice', 'record', () => record(thread)],
    ['video', 'sampleVideo', () => sample('video')],
    ['file', 'sampleFile', () => sample('document')],
    ['smile', 'sampleSticker', () => sample('sticker')],
    ['place', 'sendPlace', () => place(thread)],
    ['people', 'sendContact', () => contact(thread)],
    ['cart', 'sendCart', () => cart(thread)],
    ['link', 'fromAd', () => fromAd(thread)],
    ['cart', 'aboutProduct', () => aboutProduct(thread)],
    ['phone', 'callMissed', () => thread.after(api.call_(who, to, 'missed'))],
    ['phone', 'callAnswered', () => thread.after(api.call_(who, to, 'answered'))],
  ];
  const rows = offers.map(([drawn, name, onclick]) => {
    const chosen = () => {
      thread.closeMenus();
      onclick();
    };
    return h('button', { type: 'button', className: 'sheet-row offer', onclick: chosen }, icon(drawn), word(name));
  });
  thread.sheet(word('more'), rows);
}

async function place(thread) {
  const said = await ask(word('sendPlace'), [
    { name: 'place', label: word('placeName'), options: PLACES.map((one, n) => [n, one.name]) },
    { name: 'name', label: word('placeName'), placeholder: '…' },
    { name: 'latitude', label: word('latitude'), type: 'number', step: 'any', min: -90, max: 90 },
    { name: 'longitude', label: word('longitude'), type: 'number', step: 'any', min: -180, max: 180 },
  ]);
  if (!said) return;
  const known = PLACES[Number(said.place)];
  const own = said.latitude && said.longitude;
  const location = own
    ? { latitude: Number(said.latitude), longitude: Number(said.longitude), name: said.name || undefined }
    : { ...known, name: said.name || known.name };
  send(thread, { type: 'location', location });
}

async function contact(thread) {
  const said = await ask(word('sendContact'), [
    { name: 'name', label: word('contactName'), required: true, value: 'Hamza Ouazzani' },
    { name: 'phone', label: word('contactPhone'), type: 'tel', required: true, value: '+212665678901' },
  ]);
  if (!said) return;
  const phones = [{ phone: said.phone, wa_id: said.phone.replace(/\D/g, ''), type: 'CELL' }];
  const name = { formatted_name: said.name, first_name: said.name.split(' ')[0] };
  send(thread, { type: 'contacts', contacts: [{ name, phones }] });
}

// The whole catalogue, or the products a message is about: resolves to {items, text} or null.
export async function chooseItems(products) {
  const fields = products.map((one, place) => ({
    name: one.id,
    label: `${one.name} · ${price(one)}`,
    type: 'number',
    min: 0,
    max: 99,
    value: place === 0 ? 1 : 0,
  }));
  const said = await ask(word('sendCart'), [...fields, { name: '#text', label: word('cartNote') }]);
  if (!said) return null;
  const { '#text': text, ...wanted } = said;
  const items = Object.entries(wanted)
    .map(([id, quantity]) => ({ id, quantity: Number(quantity) }))
    .filter((line) => line.quantity > 0);
  return { items, text };
}

async function cart(thread) {
  const products = await api.products(thread.numberId);
  const chosen = await chooseItems(products);
  if (chosen?.items.length) thread.after(api.order(thread.who, { ...chosen, to: thread.numberId }));
}

// Coming through an ad opens Meta's free entry point once the shop answers.
function fromAd(thread) {
  const referral = {
    source_url: 'https://fb.me/wasl-demo',
    source_id: '120226305854810726',
    source_type: 'ad',
    headline: 'Sac en cuir',
    body: word('adWords'),
    media_type: 'image',
    image_url: 'https://shop.example/sac.jpg',
    ctwa_clid: 'ARDemoClickOfOneAd42',
  };
  send(thread, { text: word('adWords'), referral });
}

async function aboutProduct(thread) {
  const products = await api.products(thread.numberId);
  const said = await ask(word('aboutProduct'), [
    { name: 'id', label: word('order'), options: products.map((one) => [one.id, one.name]) },
    { name: 'text', label: word('text'), required: true, value: word('productWords') },
  ]);
  if (!said) return;
  const referred_product = { catalog_id: '354160437058781', product_retailer_id: said.id };
  send(thread, { text: said.text, context: { referred_product } });
}

function send(thread, message) {
  thread.after(api.write(thread.who, { ...message, to: thread.numberId }));
}

export function recordingBar(stop, cancel) {
  return h('div', { className: 'answering recording', role: 'status' }, [
    icon('voice'),
    datum(word('recording')),
    h('button', { type: 'button', className: 'primary', onclick: stop }, word('stop')),
    iconButton('close', word('cancel'), cancel),
  ]);
}
