// What every page does: dialogs, toasts, menus, questions, growing text boxes, counting down.
// Everything listens on the document, so that fragments htmx brings in need no set-up.

const say = document.body.dataset
const dialog = document.getElementById("dialog")

// --- the one dialog: whatever htmx swaps into #dialog is shown --------------------------------

let typed = false
const leaving = new WeakSet()

document.addEventListener("htmx:after:swap", () => {
  if (!dialog.open && [...dialog.children].some(child => !leaving.has(child))) {
    typed = false
    dialog.showModal()
    ;(dialog.querySelector("[autofocus]") ?? dialog.querySelector("h2"))?.focus()
  }
})
dialog.addEventListener("input", () => { typed = true })
dialog.addEventListener("close", () => { if (!dialog.open) dialog.replaceChildren() })
dialog.addEventListener("cancel", event => {
  if (event.target !== dialog) return // a file's picker was left: the form stays
  event.preventDefault()
  leave()
})
document.addEventListener("dialog:close", shut)

async function leave() {
  const guarded = typed && dialog.querySelector("[data-guard]")
  if (!guarded || await ask(say.sayDiscard)) shut()
}

// What the same answer tells its form besides comes before the form goes. Until then what is behind
// may be renewed: that shows nobody the form again.
function shut() {
  dialog.close()
  const shown = [...dialog.childNodes]
  for (const node of shown) leaving.add(node)
  setTimeout(() => { for (const node of shown) node.remove() })
}

document.addEventListener("click", event => {
  const closing = event.target.closest("[data-close]")
  if (!closing) return
  const owner = closing.closest("dialog")
  if (owner === dialog) leave()
  else owner?.close()
})

// Opens a dialog that is already in the page: <button data-show="id">.
document.addEventListener("click", event => {
  const opener = event.target.closest("button[data-show]")
  if (opener) document.getElementById(opener.dataset.show)?.showModal()
})

// --- questions: hx-confirm asks in our own dialog -----------------------------------------------

const question = document.getElementById("ask")

export function ask(text) {
  question.querySelector("#ask-text").textContent = text
  question.returnValue = "no"
  question.showModal()
  return new Promise(answer => {
    question.addEventListener("close", () => answer(question.returnValue === "yes"), { once: true })
  })
}

document.addEventListener("htmx:confirm", event => {
  event.preventDefault()
  const { ctx, issueRequest, dropRequest } = event.detail
  ask(ctx.confirm).then(yes => (yes ? issueRequest() : dropRequest()))
})

// --- toasts ----------------------------------------------------------------------------------------

const toasts = document.getElementById("toasts")

export function toast(text, kind = "good", stays = kind === "bad" ? 12000 : 5000) {
  const note = document.getElementById(`toast-of-${kind}`).content.firstElementChild.cloneNode(true)
  note.querySelector("p").textContent = text
  show(note, stays)
}

function show(note, stays) {
  // A modal dialog covers everything but its own children: the note moves in with it.
  const modal = document.querySelector("dialog[open]")
  ;(modal ?? document.body).append(toasts)
  toasts.append(note)
  // Whoever works fast would have a pile over the page: good news makes room for newer.
  const pile = [...toasts.querySelectorAll(".toast[data-color=green]:not(:has(.toast-undo))")]
  for (const old of pile.slice(0, -2)) old.remove()
  setTimeout(() => note.remove(), stays)
}

document.addEventListener("toasts", event => {
  for (const { text, kind } of event.detail.notes) toast(text, kind)
})
document.addEventListener("close", () => document.body.append(toasts), true)
document.addEventListener("click", event => event.target.closest("[data-dismiss]")?.closest(".toast").remove())
for (const note of toasts.children) setTimeout(() => note.remove(), 6000)

// A form that came back is read from its first mistake on, not from its top.
document.querySelector("main form [aria-invalid=true]")?.focus()

// --- requests --------------------------------------------------------------------------------------

document.addEventListener("htmx:config:request", event => {
  const { ctx } = event.detail
  if (ctx.sourceEvent?.type === "live") ctx.request.headers["Wasl-Background"] = "1"
})

// Our answers explain themselves (toasts); this is for those that never came.
document.addEventListener("htmx:error", event => {
  const { ctx } = event.detail
  if (ctx && ctx.sourceEvent?.type !== "live") toast(say.sayFailed, "bad")
})
document.addEventListener("signed-out", () => toast(say.saySignedOut, "bad", 60000))

// --- menus: a <details class="menu"> closes when something else is meant ---------------------------

document.addEventListener("click", event => {
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target) || event.target.closest(".menu-item")) menu.open = false
})

// --- text boxes ------------------------------------------------------------------------------------

const grows = CSS.supports("field-sizing", "content")

document.addEventListener("input", event => {
  const box = event.target
  if (grows || !box.matches?.("textarea[data-grow]")) return
  box.style.blockSize = "auto"
  box.style.blockSize = `${box.scrollHeight}px`
})

// Enter sends, Shift+Enter breaks the line; an Enter that ends an Arabic or Chinese word does neither.
document.addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
  if (!event.target.matches?.("textarea[data-enter]")) return
  event.preventDefault()
  event.target.form.requestSubmit()
})

// --- what remains of the 24 hours ------------------------------------------------------------------

const unit = (name, number) =>
  new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: name, unitDisplay: "short", numberingSystem: "latn" }).format(number)

function countDown() {
  for (const time of document.querySelectorAll("time[data-left]")) {
    const minutes = Math.floor((Date.parse(time.dateTime) - Date.now()) / 60000)
    if (minutes < 0) time.closest("[data-live]")?.dispatchEvent(new CustomEvent("live"))
    const parts = minutes >= 60 ? [unit("hour", Math.floor(minutes / 60))] : []
    time.textContent = [...parts, unit("minute", Math.max(0, minutes) % 60)].join(" ")
  }
}
setInterval(countDown, 20000)
