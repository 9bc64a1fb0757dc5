// The board under the hand: drag a card, walk with the arrows, move with M or the card's menu.
// The server decides; a card that may not stay where it was dropped goes back by itself.

const board = () => document.getElementById("board")
const dialog = document.getElementById("moves")
const cards = column => [...column.querySelectorAll(".ticket")]
const columns = () => [...board().querySelectorAll(".column")]
const columnAt = place => board().querySelector(`.column[data-place="${place}"]`)
const goes = card => card.dataset.goes.split(" ")
const link = card => card.querySelector(".ticket-number")

// --- moving ----------------------------------------------------------------------------------------

// Posts the move; the answer brings both columns. Whatever happens, the columns end up true.
async function move(card, to, back) {
  const from = card.dataset.from ?? card.closest(".column").dataset.place
  delete card.dataset.from
  card.classList.add("ticket-busy")
  const target = columnAt(to)
  const values = { board: 1, stage: target.dataset.stage, version: card.dataset.version }
  for (const column of [columnAt(from), target]) values[`shown-${column.dataset.stage}`] = cards(column).length
  let status = 0
  card.addEventListener("htmx:after:request", event => { status = event.detail.ctx.response.status }, { once: true })
  await htmx.ajax("POST", `/orders/${card.dataset.number}/stage`, { source: card, target: card, swap: "none", values })
  card.classList.remove("ticket-busy")
  if (status >= 200 && status < 300) return arrived(card, target)
  back?.()
  link(card).focus({ preventScroll: true })
  for (const column of [columnAt(from), target]) column?.dispatchEvent(new CustomEvent("live"))
}

function arrived(card, target) {
  const said = document.getElementById("board-said")
  const stage = target.querySelector(".column-name").textContent
  said.textContent = said.dataset.say.replace("{number}", card.dataset.number).replace("{stage}", stage)
  const here = document.getElementById(card.id)
  if (here) link(here).focus({ preventScroll: false })
}

// --- dragging --------------------------------------------------------------------------------------

let dragged
let waiting = new Set()

function arm() {
  for (const list of board().querySelectorAll("[data-cards]"))
    if (!Sortable.get(list)) new Sortable(list, {
      group: { name: "orders", put: (to, _from, card) => goes(card).includes(to.el.closest(".column").dataset.place) },
      draggable: ".ticket",
      sort: false,
      animation: 120,
      delay: 160,
      delayOnTouchOnly: true,
      forceFallback: true,
      fallbackOnBody: true,
      fallbackTolerance: 4,
      scrollSensitivity: 90,
      scrollSpeed: 16,
      ghostClass: "ticket-ghost",
      dragClass: "ticket-drag",
      filter: "button",
      preventOnFilter: false,
      onMove: ({ dragged: card }) => card.dataset.goes !== "",
      onStart,
      onEnd,
    })
}

function onStart({ item, from, oldIndex }) {
  dragged = { item, from, next: from.children[oldIndex]?.nextElementSibling ?? null }
  item.dataset.from = from.closest(".column").dataset.place
  const open = goes(item)
  for (const column of columns())
    column.classList.toggle("column-closed", !open.includes(column.dataset.place) && column.dataset.place !== item.dataset.from)
}

function onEnd({ item, from, to }) {
  const { next } = dragged
  dragged = undefined
  for (const column of columns()) column.classList.remove("column-closed")
  if (from === to) delete item.dataset.from
  else move(item, to.closest(".column").dataset.place, () => from.insertBefore(item, next?.parentElement === from ? next : null))
  for (const element of waiting) if (element.isConnected) element.dispatchEvent(new CustomEvent("live"))
  waiting = new Set()
}

// News never moves the ground under a hand that drags or chooses: it waits until that is over.
document.addEventListener("live", event => {
  if ((dragged || dialog.open) && board().contains(event.target)) {
    event.stopImmediatePropagation()
    waiting.add(event.target)
  }
}, true)

// A column asks for as many cards as it shows, so that nobody's place in it is lost.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const column = ctx.sourceElement
  if (column.matches?.(".column")) ctx.request.body.set("shown", cards(column).length)
})

// Columns are morphed in place; where the focus was, it stays, though the card may have moved.
let focused
document.addEventListener("focusin", ({ target }) => { focused = target.closest?.(".ticket")?.id ?? focused })
document.addEventListener("htmx:after:swap", () => {
  if (!board()) return
  arm()
  const card = document.activeElement === document.body && focused && document.getElementById(focused)
  if (card) link(card).focus({ preventScroll: true })
})

// --- the keyboard ----------------------------------------------------------------------------------

const near = (list, index) => list[Math.min(Math.max(index, 0), list.length - 1)]

function sideways(card, step) {
  const here = card.closest(".column")
  const all = columns().filter(column => column === here || cards(column).length)
  const there = all[all.indexOf(here) + step]
  return there && near(cards(there), cards(here).indexOf(card))
}

const rtl = document.documentElement.dir === "rtl"
const upDown = (card, step) => near(cards(card.closest(".column")), cards(card.closest(".column")).indexOf(card) + step)
const steps = {
  ArrowDown: card => upDown(card, 1),
  ArrowUp: card => upDown(card, -1),
  ArrowRight: card => sideways(card, rtl ? -1 : 1),
  ArrowLeft: card => sideways(card, rtl ? 1 : -1),
}

document.addEventListener("keydown", event => {
  const step = steps[event.key]
  if (!step || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
  if (dialog.open) return choose(event)
  const card = event.target.closest?.(".ticket")
  // With nothing in focus the first arrow finds the first card.
  if (!card && event.target !== document.body && event.target.id !== "main") return
  event.preventDefault()
  const next = card ? step(card) : board().querySelector(".ticket")
  if (!next) return
  link(next).focus()
  next.scrollIntoView({ block: "nearest", inline: "nearest" })
})

// keys.js presses what says data-key: only the card in focus says M.
document.addEventListener("focusin", ({ target }) => {
  const card = target.closest?.(".ticket")
  for (const button of board().querySelectorAll('[data-key="m"]')) delete button.dataset.key
  const button = card?.querySelector("[data-moves]")
  if (button) button.dataset.key = "m"
})

// --- the menu --------------------------------------------------------------------------------------

document.addEventListener("click", event => {
  const opener = event.target.closest("[data-moves]")
  if (opener && board().contains(opener)) open(opener.closest(".ticket"))
  const choice = event.target.closest("#moves-list [data-to]")
  if (choice) {
    const card = document.getElementById(dialog.dataset.card)
    dialog.close()
    if (card) move(card, choice.dataset.to)
  }
})

const choices = () => [...dialog.querySelectorAll("[data-to]:not([hidden])")]

function open(card) {
  const title = document.getElementById("moves-title")
  title.textContent = title.dataset.say.replace("{number}", `#${card.dataset.number}`)
  dialog.dataset.card = card.id
  for (const choice of dialog.querySelectorAll("[data-to]")) choice.hidden = !goes(card).includes(choice.dataset.to)
  document.getElementById("moves-none").hidden = choices().length > 0
  dialog.showModal()
  choices()[0]?.focus()
}

function choose(event) {
  if (!event.key.startsWith("Arrow")) return
  event.preventDefault()
  const all = choices()
  const step = event.key === "ArrowDown" || event.key === (rtl ? "ArrowLeft" : "ArrowRight") ? 1 : -1
  near(all, all.indexOf(document.activeElement) + step)?.focus()
}

dialog.addEventListener("close", () => {
  const card = document.getElementById(dialog.dataset.card)
  if (card) link(card).focus({ preventScroll: true })
  for (const element of waiting) if (element.isConnected) element.dispatchEvent(new CustomEvent("live"))
  waiting = new Set()
})

arm()
