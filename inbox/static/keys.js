// The keyboard, declared in the HTML: data-key="o" on a button or link presses it; "g i" is two
// strokes. Never while somebody types, never with Ctrl, Alt or Meta.
//   [data-list]    j and k walk its links or [data-item]s; Enter opens the one in focus
//   [data-search]  "/" goes there
//   ?              lists the keys that can be seen now

const keys = document.getElementById("keys")
let before = ""

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  if (event.key === "Escape") return escape()
  if (typing(event.target)) return
  const key = letter(event)
  const act = press(before && `${before} ${key}`) || press(key) || special[key]
  before = before ? "" : key
  setTimeout(() => { before = "" }, 1000)
  if (!act) return
  before = ""
  event.preventDefault()
  act()
})

const special = {
  "?": help,
  "/": () => visible("[data-search]")[0]?.focus(),
  j: () => walk(1),
  k: () => walk(-1),
}

function typing(element) {
  return element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")
}

// On an Arabic keyboard the key O writes خ: what counts is where the finger went.
function letter({ key, code, shiftKey }) {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase()
  if (/^Key[A-Z]$/.test(code) && !/^[\x00-\x7f]$/.test(key)) return code.slice(3).toLowerCase()
  // A French keyboard writes & where the 1 is, an Arabic one ١.
  if (/^Digit\d$/.test(code) && !shiftKey) return code.at(-1)
  return key === "؟" ? "?" : key
}

function press(key) {
  const found = key && visible(`[data-key="${CSS.escape(key)}"]`)[0]
  return found && (() => (found.matches("input, textarea, select") ? found.focus() : found.click()))
}

function walk(step) {
  const list = visible("[data-list]")[0]
  if (!list) return
  const items = [...list.querySelectorAll("[data-item], a.row")].filter(shown)
  const here = items.findIndex(item => item.contains(document.activeElement))
  const from = here >= 0 ? here : items.findIndex(item => item.getAttribute("aria-current") === "true")
  items[Math.min(Math.max(from + step, 0), items.length - 1)]?.focus()
}

function escape() {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false
    menu.querySelector("summary").focus()
  }
  if (typing(document.activeElement) && !document.querySelector("dialog[open]")) document.activeElement.blur()
}

function help() {
  const lines = visible("[data-key]").map(element => {
    const name = document.createElement("dt")
    const strokes = document.createElement("dd")
    name.textContent = element.dataset.keyLabel ?? element.getAttribute("aria-label") ?? words(element)
    for (const stroke of element.dataset.key.split(" ")) {
      const cap = document.createElement("kbd")
      cap.textContent = stroke
      strokes.append(cap, " ")
    }
    return [name, strokes]
  })
  keys.querySelector("[data-keys-here]").replaceChildren(...lines.flat())
  keys.showModal()
}

function words(element) {
  const copy = element.cloneNode(true)
  for (const extra of copy.querySelectorAll("kbd, .badge, svg")) extra.remove()
  return copy.textContent.trim()
}

// While a dialog is open only its own keys count.
function visible(selector) {
  const scope = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document
  return [...scope.querySelectorAll(selector)].filter(shown)
}

function shown(element) {
  return element.getClientRects().length > 0 && !element.disabled
}
