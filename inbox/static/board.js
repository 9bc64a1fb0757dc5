// The board under the hand: drag a card, walk with the arrows or h j k l, move with M or the card's
// menu, pick several with X. The server decides; a card that may not stay where it was dropped goes
// back by itself.

import { asking, board, cards, columnAt, columns, goes, link, where, why } from "./moves.js"
import { isPicked, pick, pickedCards, pickNone, show } from "./picked.js"

const refresh = column => column?.dispatchEvent(new CustomEvent("live"))

// --- moving ----------------------------------------------------------------------------------------

// Posts the move; the answer brings both columns. Whatever happens, the columns end up true.
async function move(card, to, back) {
  const from = columnAt(card.dataset.from ?? card.closest(".column").dataset.place)
  delete card.dataset.from
  const target = columnAt(to)
  const place = cards(from).indexOf(card)
  // Where it may not go nobody is asked why; the server says what is allowed.
  const reason = goes(card).includes(to) ? await why(target) : ""
  if (reason === null) return stays(card, back)
  card.classList.add("ticket-busy")
  const values = { board: 1, stage: target.dataset.stage, version: card.dataset.version, reason }
  for (const column of [from, target]) values[`shown-${column.dataset.stage}`] = cards(column).length
  let status = 0
  card.addEventListener("htmx:after:request", event => { status = event.detail.ctx.response?.status ?? 0 }, { once: true })
  await htmx.ajax("POST", `/orders/${card.dataset.number}/stage`, { source: card, target: card, swap: "none", values })
  card.classList.remove("ticket-busy")
  if (status >= 200 && status < 300) return left(from, place, card.id)
  stays(card, back)
  for (const column of [from, target]) refresh(column)
}

function stays(card, back) {
  back?.()
  link(card).focus({ preventScroll: true })
}

// Who works a column down goes on with the card that has come up.
function left(column, place, id) {
  const next = (place >= 0 && cards(document.getElementById(column.id))[place]) || document.getElementById(id)
  if (next) link(next).focus({ preventScroll: true })
}

async function moveOne(card) {
  const to = await where([card])
  if (to) move(document.getElementById(card.id) ?? card, to)
  else link(card).focus({ preventScroll: true })
}

async function movePicked(to) {
  const chosen = pickedCards()
  if (chosen.length === 1 && !to) return moveOne(chosen[0])
  const place = to ?? await where(chosen)
  const reason = place && await why(columnAt(place))
  if (!place || reason === null) return
  const values = { stage: columnAt(place).dataset.stage, client_id: crypto.randomUUID(), reason }
  await htmx.ajax("POST", "/bulk", { source: bar, target: "#dialog", swap: "innerHTML", values })
}

const bar = document.getElementById("picked")
bar?.addEventListener("click", event => event.target.closest("#picked-move") && movePicked())

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== bar) return
  for (const card of pickedCards()) ctx.request.body.append("ids", card.id.replace("order-", ""))
})
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === bar && ctx.response?.status < 300) pickNone()
})

// What was undone elsewhere on this page shows at once, stream or no stream.
document.addEventListener("moved", ({ detail }) => {
  for (const stage of detail.stages) refresh(document.getElementById(`stage-${stage}`))
})

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
      filter: "button, input",
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
  board().classList.add("board-dragging")
  for (const column of columns())
    column.classList.toggle("column-closed", !open.includes(column.dataset.place) && column.dataset.place !== item.dataset.from)
}

function onEnd({ item, from, to, originalEvent }) {
  const { next } = dragged
  const back = () => from.insertBefore(item, next?.parentElement === from ? next : null)
  dragged = undefined
  board().classList.remove("board-dragging")
  for (const column of columns()) column.classList.remove("column-closed")
  const last = to.closest(".column")
  const aim = item.dataset.goes === "" ? last : under(originalEvent) ?? last
  const place = aim.dataset.place
  // A card keeps the last place it could have while the hand goes on: only where it let go counts.
  if (aim !== last) back()
  if (place === item.dataset.from) delete item.dataset.from
  else if (isPicked(item) && pickedCards().length > 1) {
    // One of several was dragged: all of them go.
    delete item.dataset.from
    back()
    movePicked(place)
  } else move(item, place, back)
  catchUp()
}

function under(event) {
  const { clientX: x } = event?.changedTouches?.[0] ?? event ?? {}
  return columns().find(column => {
    const { left, right } = column.getBoundingClientRect()
    return left <= x && x <= right
  })
}

// News never moves the ground under a hand that drags or chooses: it waits until that is over.
document.addEventListener("live", event => {
  if ((dragged || asking()) && board().contains(event.target)) {
    event.stopImmediatePropagation()
    waiting.add(event.target)
  }
}, true)

function catchUp() {
  if (asking()) return
  for (const element of waiting) if (element.isConnected) refresh(element)
  waiting = new Set()
}
document.addEventListener("close", () => setTimeout(catchUp), true)

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
  oneOfEach()
  arm()
  show()
  const card = document.activeElement === document.body && focused && document.getElementById(focused)
  if (card) link(card).focus({ preventScroll: true })
})

// The column a card has left may be renewed after the one it came to: nobody sees the card twice.
function oneOfEach() {
  const kept = new Map()
  for (const card of board().querySelectorAll(".ticket")) {
    const twin = kept.get(card.id)
    const better = twin && !truer(card, twin) ? twin : card
    if (twin) (better === twin ? card : twin).remove()
    kept.set(card.id, better)
  }
}

// One that is in a hand or on its way to the server stays: whoever holds it puts it where it belongs.
const held = card => card === dragged?.item || card.classList.contains("ticket-busy")
const truer = (one, other) => held(one) !== held(other) ? held(one) : Number(one.dataset.version) > Number(other.dataset.version)

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
// By where the finger went: an Arabic keyboard has other letters there.
const letters = { KeyJ: "ArrowDown", KeyK: "ArrowUp", KeyL: "ArrowRight", KeyH: "ArrowLeft" }

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return
  const card = event.target.closest?.(".ticket")
  // With nothing in focus the first arrow finds the first card.
  if (!card && event.target !== document.body && event.target.id !== "main") return
  if (event.code === "KeyX" && card) return pick(card)
  if (event.key === "Escape") return pickNone()
  const step = steps[event.key] ?? steps[letters[event.code]]
  if (!step) return
  event.preventDefault()
  const next = card ? step(card) : board().querySelector(".ticket")
  if (!next) return
  if (event.shiftKey && card) for (const one of [card, next]) pick(one, true)
  link(next).focus()
  next.scrollIntoView({ block: "nearest", inline: "nearest" })
})

// keys.js presses what says data-key: only the card in focus says M.
document.addEventListener("focusin", ({ target }) => {
  const card = target.closest?.(".ticket")
  for (const button of board().querySelectorAll('[data-key="m"]')) delete button.dataset.key
  const button = card?.querySelector("[data-moves]")
  if (button && !pickedCards().length) button.dataset.key = "m"
})

document.addEventListener("click", event => {
  const opener = event.target.closest("[data-moves]")
  if (opener && board().contains(opener)) moveOne(opener.closest(".ticket"))
})

arm()
