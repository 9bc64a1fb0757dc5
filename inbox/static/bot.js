// The bot's pages: blanks put where somebody writes, its own words fetched back, rows dragged to
// another place, the trial scrolled to what was said last. Everything else is the server's.

// On a phone the tabs are wider than the screen.
document.querySelector(".bot-tabs [aria-current=true]")?.scrollIntoView({ block: "nearest", inline: "center" })

// --- texts -----------------------------------------------------------------------------------------

let writing // the box somebody wrote in last

document.addEventListener("focusin", ({ target }) => { if (target.matches("[data-grow]")) writing = target })

const typed = box => box.dispatchEvent(new Event("input", { bubbles: true }))

document.addEventListener("click", event => {
  const blank = event.target.closest("[data-blank]")
  if (!blank) return
  const text = blank.closest(".bot-text")
  const box = text.contains(writing) ? writing : text.querySelector("textarea")
  if (!box.value) box.value = box.placeholder
  box.setRangeText(blank.dataset.blank, box.selectionStart, box.selectionEnd, "end")
  box.focus()
  typed(box)
})

document.addEventListener("click", event => {
  const own = event.target.closest("[data-own]")
  if (!own) return
  const box = document.getElementById(own.dataset.own)
  box.value = box.value ? "" : box.placeholder
  box.focus()
  typed(box)
})

document.addEventListener("input", ({ target }) => {
  const own = target.id && document.querySelector(`[data-own="${CSS.escape(target.id)}"]`)
  if (own) own.textContent = target.value ? own.dataset.sayReset : own.dataset.sayEdit
})

// --- what is typed and not kept ------------------------------------------------------------------------

const form = () => document.querySelector("#texts, #behaviour")
let changed = false

document.addEventListener("input", ({ target }) => { if (form()?.contains(target)) changed = true })
addEventListener("beforeunload", event => { if (changed) event.preventDefault() })
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement?.matches("#texts, #behaviour")) return
  const wrong = form().querySelector("[aria-invalid=true]")
  changed = wrong !== null
  wrong?.focus()
})

// --- rows in another order ---------------------------------------------------------------------------

function arm() {
  for (const list of document.querySelectorAll(".sortable")) {
    if (!globalThis.Sortable || Sortable.get(list) || !list.querySelector(".sort-grip")) continue
    new Sortable(list, {
      handle: ".sort-grip",
      draggable: ".sort-row",
      animation: 120,
      forceFallback: true,
      fallbackTolerance: 4,
      ghostClass: "sort-ghost",
      dragClass: "sort-drag",
      // Told when the hand has let go of everything: the answer renews these rows.
      onEnd: ({ oldIndex, newIndex }) => { if (oldIndex !== newIndex) setTimeout(() => list.closest("form").requestSubmit()) },
    })
  }
}

// A tick is kept at once. (Not by hx-trigger: Sortable tells its own "change" while a row is dragged.)
document.addEventListener("change", ({ target }) => {
  if (target.matches(".sort-row input[type=checkbox]")) target.form.requestSubmit()
})

// A row that came to an end has a button that can do no more: the other one takes the focus.
let pressed
document.addEventListener("click", event => { pressed = event.target.closest(".sort-row button[name]") })
document.addEventListener("htmx:after:swap", () => {
  arm()
  if (!pressed) return
  const here = document.getElementById(pressed.id)
  const row = here?.closest(".sort-row")
  ;(here?.disabled ? row.querySelector("button[name]:not(:disabled)") : here)?.focus()
  pressed = undefined
})

// --- the trial ---------------------------------------------------------------------------------------

const trial = document.getElementById("try")

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  // What was typed is said: the box is empty for the next line, and stays under the fingers.
  if (ctx.sourceElement === trial) document.getElementById("f-typed").value = ""
})
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== trial) return
  const log = document.getElementById("try-log")
  log.scrollTop = log.scrollHeight
  log.lastElementChild.scrollIntoView({ block: "end" })
  document.getElementById("f-typed").focus({ preventScroll: true })
})

// --- teaching ----------------------------------------------------------------------------------------

// One lesson after the other with the keyboard: where a row was, the next one has the focus.
let place
document.addEventListener("htmx:before:request", ({ target }) => {
  const row = target.closest?.(".missed")
  if (row) place = [...row.parentElement.children].indexOf(row)
})
document.addEventListener("htmx:after:swap", () => {
  if (place === undefined || document.querySelector(".missed [aria-invalid]")) return
  const rows = document.querySelectorAll(".missed")
  const next = rows[Math.min(place, rows.length - 1)]
  place = undefined
  next?.querySelector("select")?.focus()
})

arm()
