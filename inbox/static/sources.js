// Where the fields of the order dialog were read: the words of each are lit in their bubble, in the
// colour of its mark; those of the field somebody is in, or points at, more strongly. Nothing in the
// thread is changed for it (CSS highlights); a browser without them shows the words in the dialog.

const COLORS = ["blue", "orange", "purple", "green", "yellow"]
const dialog = document.getElementById("dialog")
const paints = globalThis.CSS?.highlights && globalThis.Highlight

const marks = () => [...dialog.querySelectorAll(".order-beside [data-source]")]
const ROW = ".field, [data-line], .order-hints > li"
const markOf = element => element?.closest?.(`.order-beside :is(${ROW})`)?.querySelector("[data-source]")
const thread = () => document.getElementById("thread")
const bubble = mark => document.getElementById(mark.dataset.source)

let focused, pointed
let stood // where the thread stood before its sources were shown

// --- where the words stand --------------------------------------------------------------------------

// The range of the mark's words in its bubble: of several places the one nearest to where they were
// read. WhatsApp's own signs (*bold*) are in what was read, not in what is shown.
function range(mark) {
  const box = bubble(mark)?.querySelector(".bubble-text")
  const words = mark.dataset.words.replace(/[*_~`]/g, "")
  if (!box || !words) return undefined
  const whole = box.textContent
  const at = nearest(whole, words, Number(mark.dataset.start))
  return at < 0 ? undefined : between(box, at, at + words.length)
}

function nearest(whole, words, start) {
  let best = -1
  for (let at = whole.indexOf(words); at >= 0; at = whole.indexOf(words, at + 1))
    if (best < 0 || Math.abs(at - start) < Math.abs(best - start)) best = at
  return best
}

function between(box, start, end) {
  const found = document.createRange()
  const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT)
  let passed = 0
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const { length } = node.data
    if (start >= passed && start < passed + length) found.setStart(node, start - passed)
    if (end > passed && end <= passed + length) found.setEnd(node, end - passed)
    passed += length
  }
  return found
}

// --- lit --------------------------------------------------------------------------------------------

function light() {
  clear()
  const all = dialog.open ? marks() : []
  if (!all.length) return
  const now = pointed ?? focused
  for (const mark of all) show(mark, mark === now)
  stood ??= thread().scrollTop
  const shown = now ? bubble(now) : first(all)
  if (shown) into(shown)
}

// Of all bubbles that something was read in the one that comes first.
function first(all) {
  const ids = new Set(all.map(mark => mark.dataset.source))
  return [...thread().querySelectorAll(".bubble")].find(({ id }) => ids.has(id))
}

function show(mark, now) {
  const words = range(mark)
  const whole = bubble(mark)
  const quote = mark.closest(ROW).querySelector(".source-quote")
  quote?.toggleAttribute("data-away", !whole || (!words && mark.dataset.words !== "") || !paints)
  if (words && paints) paint(`source-${now ? "now-" : ""}${mark.dataset.color}`, words)
  else if (whole && now) Object.assign(whole.dataset, { lit: "", color: mark.dataset.color })
}

function paint(name, words) {
  if (!CSS.highlights.has(name)) CSS.highlights.set(name, new Highlight())
  CSS.highlights.get(name).add(words)
}

function clear() {
  if (paints) for (const color of COLORS) for (const name of [`source-${color}`, `source-now-${color}`]) CSS.highlights.delete(name)
  for (const lit of document.querySelectorAll(".bubble[data-lit]")) {
    delete lit.dataset.lit
    delete lit.dataset.color
  }
}

// Only the thread moves, and only where the bubble is out of sight.
function into(whole) {
  const { top, bottom } = thread().getBoundingClientRect()
  const at = whole.getBoundingClientRect()
  if (at.top < top || at.bottom > bottom) whole.scrollIntoView({ block: "center" })
}

// --- when -------------------------------------------------------------------------------------------

// What somebody has typed over was not read there any more.
dialog.addEventListener("input", event => {
  const field = event.target.closest(".order-beside .field")
  const mark = field?.querySelector("[data-source]")
  if (!mark) return
  field.querySelector(".source-quote")?.remove()
  mark.remove()
  light()
})

dialog.addEventListener("focusin", event => { focused = markOf(event.target); light() })
dialog.addEventListener("pointerover", event => {
  const over = markOf(event.target)
  if (over === pointed) return
  pointed = over
  light()
})
dialog.addEventListener("pointerleave", () => { pointed = undefined; light() })
dialog.addEventListener("close", () => {
  clear()
  if (stood !== undefined && thread()) thread().scrollTop = stood
  focused = pointed = stood = undefined
})
document.addEventListener("htmx:after:swap", light)
