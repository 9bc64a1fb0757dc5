// Cards picked on the board, by their box, the key x, Shift and a click or an arrow. They stay
// picked while columns refresh; who leaves the board is no longer picked.

import { board, cards } from "./moves.js"

const bar = document.getElementById("picked")
const picked = new Set()
let last // where a range begins

export const isPicked = card => picked.has(card.id)
export const pickedCards = () => [...board().querySelectorAll(".ticket")].filter(isPicked)

export function pick(card, on = !isPicked(card)) {
  if (!card.querySelector(".ticket-pick")) return
  if (on) picked.add(card.id)
  else picked.delete(card.id)
  last = card.id
  show()
}

export function pickTo(card) {
  const list = cards(card.closest(".column"))
  const from = list.findIndex(one => one.id === last)
  const to = list.indexOf(card)
  if (from < 0) return pick(card, true)
  for (const one of list.slice(Math.min(from, to), Math.max(from, to) + 1)) pick(one, true)
}

export function pickNone() {
  picked.clear()
  show()
}

export function show() {
  if (!bar) return
  const here = new Set()
  for (const card of board().querySelectorAll(".ticket")) {
    const box = card.querySelector(".ticket-pick")
    const on = isPicked(card) && Boolean(box)
    if (on) here.add(card.id)
    card.classList.toggle("ticket-picked", on)
    if (box) box.checked = on
  }
  for (const id of picked) if (!here.has(id)) picked.delete(id)
  board().classList.toggle("board-picking", picked.size > 0)
  bar.hidden = picked.size === 0
  const count = document.getElementById("picked-count")
  count.textContent = count.dataset.say.replace("{count}", picked.size)
  // With cards picked, M means them and no longer the one in focus.
  const button = document.getElementById("picked-move")
  if (picked.size) button.dataset.key = "m"
  else delete button.dataset.key
}

document.addEventListener("click", event => {
  if (event.target.closest("#picked-none")) return pickNone()
  const card = event.target.closest(".ticket")
  if (!card || !board().contains(card)) return
  const box = event.target.closest(".ticket-pick")
  if (event.shiftKey && !event.target.closest("button")) {
    event.preventDefault()
    // The browser puts a box back after a prevented click: what we say comes after that.
    setTimeout(() => pickTo(card))
  } else if (box) pick(card, box.checked)
})
