// A list whose rows are picked by click, Shift and x, stay picked while pages turn and news comes
// in, and are dealt with together. Everything listens on the document: rows come and go.
//   #listing   the rows; data-matching, data-query: all that fit, also on other pages
//   #bulk      the form that takes the picked ones, where somebody may

const listing = () => document.getElementById("listing")
const bar = () => document.getElementById("bulk")
const boxes = () => [...listing().querySelectorAll("[data-pick]")]
const picked = new Set()
let everything = false // all that match, also on other pages
let last // the box picked before, where a range begins

// --- picking ---------------------------------------------------------------------------------------

function pick(box, on) {
  everything = false
  if (on) picked.add(box.value)
  else picked.delete(box.value)
}

function show() {
  if (!bar() || !listing()) return
  const here = boxes()
  for (const box of here) {
    box.checked = everything || picked.has(box.value)
    box.closest("tr").classList.toggle("picked", box.checked)
  }
  const page = listing().querySelector("[data-pick-page]")
  const all = here.length > 0 && here.every(box => box.checked)
  if (page) {
    page.checked = all
    page.indeterminate = !all && here.some(box => box.checked)
  }
  const { matching, sayAll } = listing().dataset
  const count = document.getElementById("bulk-count")
  count.textContent = count.dataset.say.replace("{count}", everything ? matching : picked.size)
  const more = document.getElementById("bulk-all")
  more.textContent = sayAll
  more.hidden = everything || !all || matching === String(picked.size)
  bar().hidden = !everything && picked.size === 0
}

document.addEventListener("click", event => {
  const box = event.target.closest("[data-pick]")
  if (!box) return
  const here = boxes()
  const from = event.shiftKey ? here.indexOf(last) : -1
  const to = here.indexOf(box)
  for (const one of from < 0 ? [box] : here.slice(Math.min(from, to), Math.max(from, to) + 1)) pick(one, box.checked)
  last = box
  show()
})

document.addEventListener("change", event => {
  if (!event.target.matches("[data-pick-page]")) return
  for (const box of boxes()) pick(box, event.target.checked)
  show()
})

function none() {
  picked.clear()
  everything = false
  show()
}

document.addEventListener("click", event => {
  if (event.target.closest("#bulk-none")) none()
  if (!event.target.closest("#bulk-all")) return
  everything = true
  show()
})

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || (event.key !== "x" && event.code !== "KeyX")) return
  const { activeElement } = document
  if (document.querySelector("dialog[open]") || activeElement.matches("input:not([data-pick]), textarea, select")) return
  activeElement.closest("[data-row]")?.querySelector("[data-pick]")?.click()
})

// --- a row is a way to its thing -------------------------------------------------------------------

document.addEventListener("click", event => {
  const row = event.target.closest("[data-row]")
  if (!row || event.target.closest("a, button, input, label, summary, .pick") || String(getSelection())) return
  const link = row.querySelector("[data-item]")
  if (event.ctrlKey || event.metaKey) open(link.href)
  else link.click()
})

// --- sending off -----------------------------------------------------------------------------------

// Either the picked ones, or what was filtered: the server finds those itself.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== bar()) return
  const { body } = ctx.request
  body.set("client_id", crypto.randomUUID())
  if (everything) {
    body.set("all", "1")
    body.set("query", listing().dataset.query)
  } else for (const id of picked) body.append("ids", id)
})

document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === bar() && ctx.response?.status < 300) none()
})

// --- news ------------------------------------------------------------------------------------------

// In a busy shop something moves every second: the list follows, but not faster than one can read.
const PACE = 3000
let refreshed = 0
let waiting

document.addEventListener("live", event => {
  if (event.target !== listing() || event.detail?.now) return
  const rest = refreshed + PACE - Date.now()
  if (rest <= 0) return void (refreshed = Date.now())
  event.stopImmediatePropagation()
  waiting ??= setTimeout(() => {
    waiting = undefined
    listing().dispatchEvent(new CustomEvent("live"))
  }, rest)
}, true)

// What this person did themselves shows at once.
document.addEventListener("rows:changed", () =>
  listing()?.dispatchEvent(new CustomEvent("live", { detail: { now: true } })))

let focused
document.addEventListener("focusin", ({ target }) => { focused = target.closest?.("[data-row]")?.id ?? focused })
document.addEventListener("htmx:after:swap", () => {
  show()
  if (document.activeElement === document.body && focused)
    document.getElementById(focused)?.querySelector("[data-item]").focus({ preventScroll: true })
})

show()
