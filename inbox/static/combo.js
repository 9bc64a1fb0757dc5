// A field with a list of what it found under it, by keyboard or finger. The field says which list
// by aria-controls and asks htmx for its content; the server's <li role="option">s are the choices.
//   combo("order-search", { choose, first: true })   first: the first option is marked at once

const combos = new Map()

export function combo(id, { choose, first = () => true }) {
  combos.set(id, { choose, first })
}

// A field of this name in another dialog may have no list.
const of = input => (input?.hasAttribute?.("aria-controls") ? combos.get(input.id) : undefined)
const list = input => document.getElementById(input.getAttribute("aria-controls"))
const options = input => [...list(input).querySelectorAll('[role="option"]')]
const active = input => list(input).querySelector('[aria-selected="true"]')

document.addEventListener("htmx:after:swap", () => {
  const input = document.activeElement
  if (!of(input) || active(input)) return
  if (list(input).children.length) unfold(input)
  else fold(input)
})

function unfold(input) {
  list(input).hidden = false
  input.setAttribute("aria-expanded", true)
  mark(input, of(input).first(input) ? options(input)[0] : undefined)
  list(input).scrollIntoView({ block: "nearest" })
}

export function fold(input, { empty = false } = {}) {
  if (empty) list(input).replaceChildren()
  list(input).hidden = true
  input.setAttribute("aria-expanded", false)
  mark(input)
}

// Asks htmx for what the field says, also when it says nothing: then for everything.
function find(input) {
  input.dispatchEvent(new CustomEvent("find"))
}

function mark(input, option) {
  active(input)?.setAttribute("aria-selected", "false")
  option?.setAttribute("aria-selected", "true")
  option?.scrollIntoView({ block: "nearest" })
  if (option) input.setAttribute("aria-activedescendant", option.id)
  else input.removeAttribute("aria-activedescendant")
}

function step(input, by) {
  if (list(input).hidden) return find(input)
  const all = options(input)
  const from = active(input) ? all.indexOf(active(input)) : by > 0 ? -1 : 0
  mark(input, all[(from + by + all.length) % all.length])
}

const strokes = {
  ArrowDown: input => step(input, 1),
  ArrowUp: input => step(input, -1),
  Enter: input => (active(input) ? of(input).choose(active(input), input) : list(input).hidden ? undefined : step(input, 1)),
  Escape: input => fold(input),
}

// Escape folds the list first; the next one is the dialog's.
document.addEventListener("keydown", event => {
  const input = event.target
  if (!of(input) || event.isComposing || event.ctrlKey || event.metaKey || !strokes[event.key]) return
  if (event.key === "Escape" && list(input).hidden) return
  event.preventDefault()
  strokes[event.key](input)
})

document.addEventListener("pointerdown", event => {
  for (const [id, { choose }] of combos) {
    const input = document.getElementById(id)
    if (!of(input)) continue
    const option = event.target.closest?.('[role="option"]')
    if (option && list(input).contains(option)) {
      event.preventDefault() // the field keeps the focus
      choose(option, input)
    } else if (event.target === input) find(input)
    else if (!list(input).contains(event.target)) fold(input)
  }
})
document.addEventListener("focusin", event => {
  for (const id of combos.keys()) {
    const input = document.getElementById(id)
    if (of(input) && event.target !== input && !list(input).hidden) fold(input)
  }
})
