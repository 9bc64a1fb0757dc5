// The two questions of a move: where to, and why. Both are answered by hand or keyboard alone;
// no answer is null, and then nothing moves.

export const board = () => document.getElementById("board")
export const cards = column => [...column.querySelectorAll(".ticket")]
export const columns = () => [...board().querySelectorAll(".column")]
export const columnAt = place => board().querySelector(`.column[data-place="${place}"]`)
export const goes = card => card.dataset.goes.split(" ").filter(Boolean)
export const link = card => card.querySelector(".ticket-number")

const moves = document.getElementById("moves")
const reasons = document.getElementById("why")

// Also while hundreds of cards move behind a dialog: they are all shown when it closes.
export const asking = () => moves.open || reasons.open || document.getElementById("bulk-frame") !== null

// --- where to --------------------------------------------------------------------------------------

// The place of a column that at least one of these cards may enter.
export function where(of) {
  const open = new Set(of.flatMap(goes))
  const list = document.getElementById("moves-list")
  list.replaceChildren(...columns().filter(column => open.has(column.dataset.place)).map(choice))
  document.getElementById("moves-none").hidden = list.childElementCount > 0
  const title = document.getElementById("moves-title")
  title.textContent = of.length === 1
    ? title.dataset.say.replace("{number}", `#${of[0].dataset.number}`)
    : title.dataset.sayMany.replace("{count}", of.length)
  moves.returnValue = ""
  moves.showModal()
  list.firstElementChild?.focus()
  return new Promise(answer => moves.addEventListener("close", () => answer(moves.returnValue || null), { once: true }))
}

function choice(column, index) {
  const made = document.getElementById("moves-choice").content.firstElementChild.cloneNode(true)
  made.dataset.to = column.dataset.place
  made.querySelector(".chip").dataset.color = column.dataset.color
  made.querySelector("bdi").textContent = column.querySelector(".column-name").textContent
  if (index > 8) made.querySelector("kbd").remove()
  else made.dataset.key = made.querySelector("kbd").textContent = index + 1
  return made
}

moves?.addEventListener("click", event => {
  const chosen = event.target.closest("[data-to]")
  if (chosen) moves.close(chosen.dataset.to)
})

moves?.addEventListener("keydown", event => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!step) return
  event.preventDefault()
  const all = [...moves.querySelectorAll("[data-to]")]
  all[Math.min(Math.max(all.indexOf(document.activeElement) + step, 0), all.length - 1)]?.focus()
})

// --- why -------------------------------------------------------------------------------------------

// The reason in words, "" without one; asked only where an order comes for a reason.
export function why(column) {
  if (column.dataset.reasons === undefined) return Promise.resolve("")
  const title = document.getElementById("why-title")
  title.textContent = title.dataset.say.replace("{stage}", column.querySelector(".column-name").textContent)
  document.getElementById("why-list").replaceChildren(...JSON.parse(column.dataset.reasons).map(reason))
  const form = reasons.querySelector("form")
  form.reset()
  reasons.returnValue = ""
  reasons.showModal()
  ;(form.querySelector("[name=reason]") ?? form.elements.words).focus()
  return new Promise(answer => reasons.addEventListener("close", () => answer(answered(form)), { once: true }))
}

function reason(words) {
  const made = document.getElementById("why-choice").content.firstElementChild.cloneNode(true)
  made.querySelector("input").value = words
  made.querySelector("span").textContent = words
  return made
}

function answered(form) {
  if (reasons.returnValue === "skip") return ""
  if (reasons.returnValue !== "move") return null
  const chosen = new FormData(form)
  return chosen.get("words").trim() || chosen.get("reason") || ""
}

// Enter in the list of reasons is the answer, not the first button of the form.
reasons?.addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.isComposing || event.target.closest("button")) return
  event.preventDefault()
  reasons.close("move")
})
