// The inbox: conversations open without losing the list, screens stay where somebody reads, what
// is before somebody's eyes counts as read. Fragments come and go: all listening is on document.

const panes = document.getElementById("panes")
const heard = document.getElementById("heard")
const PAGE = 50
const TWO_HOURS = 2 * 3600_000

const part = id => document.getElementById(id)
const narrow = matchMedia("(max-width: 56.25rem)")

let opened

// --- opening a conversation ------------------------------------------------------------------------

function arrive() {
  opened = part("open")
  const { conversation } = opened.dataset
  panes.dataset.show = conversation ? "thread" : "list"
  mark()
  tidyDays()
  document.dispatchEvent(new CustomEvent("conversation:opened"))
  see()
}

// The row of the open conversation, and the page's title.
function mark() {
  const here = opened.dataset.conversation
  for (const row of document.querySelectorAll("#rows .row[aria-current]"))
    if (row.id !== `c-${here}`) row.removeAttribute("aria-current")
  if (here) part(`c-${here}`)?.setAttribute("aria-current", "true")
  const { unread } = part("list").dataset
  document.title = `${unread ? `(${unread}) ` : ""}${opened.dataset.title ?? panes.dataset.title} · Wasl`
}

function go(path, more = {}) {
  return htmx.ajax("GET", path, { target: "#open", swap: "outerHTML", ...more })
}

// Back and forward: the parts are fetched, the page stays.
document.addEventListener("htmx:before:history:restore", event => {
  const { path } = event.detail
  if (!path.startsWith("/inbox")) return
  event.preventDefault()
  go(path)
  const query = new URL(path, location).search
  if (query !== new URL(part("list").getAttribute("hx-get"), location).search)
    htmx.ajax("GET", `/inbox/list${query}`, { target: "#list", swap: "outerMorph" })
})

document.addEventListener("click", event => {
  const show = event.target.closest("[data-show-pane]")
  if (show) panes.dataset.show = panes.dataset.show === show.dataset.showPane ? "thread" : show.dataset.showPane
  if (!event.target.closest("#back") || event.ctrlKey || event.metaKey) return
  event.preventDefault()
  go(`/inbox${location.search}`, { push: "true" })
})

document.addEventListener("keydown", event => {
  if (event.key === "Escape" && panes.dataset.show === "side") panes.dataset.show = "thread"
})

// --- parts that refresh themselves -----------------------------------------------------------------

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id !== "list" || ctx.sourceEvent?.type !== "live") return
  // Somebody has scrolled: ask again for all that is there, not for the first page.
  const rows = part("rows").querySelectorAll(".row")
  if (rows.length > PAGE) ctx.request.body.set("until", rows[rows.length - 1].dataset.place)
})

const before = {} // how things stood, by the id of the part that is being swapped

document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  const { id } = ctx.sourceElement ?? {}
  if (id === "newest") before.newest = { height: part("thread").scrollHeight, ids: theirs() }
  if (id === "list") before.list = { focus: document.activeElement?.id, anchor: topRow() }
})

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const { id } = ctx.sourceElement ?? {}
  if (part("open") !== opened) arrive()
  if (id === "newest") threadChanged()
  if (id === "above") tidyDays()
  if (ctx.target?.id === "list" || id === "list") listChanged()
  if (id === "fill") toEnd()
  dropDoubles()
})

function listChanged() {
  mark()
  if (!before.list) return
  const { anchor, focus } = before.list
  before.list = undefined
  const rows = part("rows")
  if (anchor?.row.isConnected) rows.scrollTop = anchor.row.offsetTop - anchor.above
  if (focus && document.activeElement === document.body) part(focus)?.focus({ preventScroll: true })
}

// The first row in sight, unless the list stands at its top: there new rows may push the others.
function topRow() {
  const rows = part("rows")
  if (!rows.scrollTop) return undefined
  const row = [...rows.querySelectorAll(".row")].find(each => each.offsetTop + each.offsetHeight > rows.scrollTop)
  return row && { row, above: row.offsetTop - rows.scrollTop }
}

// --- the thread ------------------------------------------------------------------------------------

const atEnd = () => (part("thread")?.scrollTop ?? 0) > -48
const theirs = () => new Set([...document.querySelectorAll("#newest .bubble-in")].map(({ id }) => id))

function toEnd() {
  const thread = part("thread")
  if (thread) thread.scrollTop = 0
}

function threadChanged() {
  tidyDays()
  if (!before.newest) return
  const { height, ids } = before.newest
  before.newest = undefined
  const thread = part("thread")
  const fresh = [...document.querySelectorAll("#newest .bubble-in")].filter(({ id }) => !ids.has(id))
  // Counted from the end, what somebody reads would move up by what came in below.
  if (!atEnd()) {
    thread.scrollTop -= thread.scrollHeight - height
    if (fresh.length) part("fresh").hidden = false
  }
  if (fresh.length) tell(fresh.at(-1))
  see()
}

function tell(bubble) {
  const text = (bubble.querySelector(".bubble-text, .bubble-title, .bubble-tap, .bubble-file")?.textContent ?? "").trim()
  heard.textContent = heard.dataset.sayWrote
    .replace("{name}", bubble.getAttribute("aria-label")).replace("{text}", text.slice(0, 200))
}

// A day that was cut in two by a page is named once.
function tidyDays() {
  let day
  for (const section of document.querySelectorAll(".thread-day")) {
    section.querySelector(".day").hidden = section.dataset.day === day
    day = section.dataset.day
  }
}

// A bubble that the thread has by now needs no stand-in.
function dropDoubles() {
  for (const stand of document.querySelectorAll("#pending > *")) {
    const known = stand.id && document.querySelector(`#newest #${CSS.escape(stand.id)}`)
    const ours = stand.dataset.client && document.querySelector(`#newest [data-client="${stand.dataset.client}"]`)
    if (known || ours) stand.remove()
  }
}

document.addEventListener("scroll", event => {
  if (event.target.id !== "thread" || !atEnd()) return
  part("fresh").hidden = true
  see()
}, true)

document.addEventListener("click", event => {
  if (event.target.closest("#fresh")) toEnd()
  const quote = event.target.closest("a.bubble-quote[href^='#m-']")
  if (!quote) return
  event.preventDefault()
  const target = part(quote.hash.slice(1))
  target?.scrollIntoView({ block: "center", behavior: "smooth" })
  target?.setAttribute("data-flash", "")
  setTimeout(() => target?.removeAttribute("data-flash"), 1600)
})

// --- read: only what is before somebody's eyes ------------------------------------------------------

function see() {
  const head = part("head")
  const looking = document.visibilityState === "visible" && document.hasFocus() && atEnd()
  const shown = !narrow.matches || panes.dataset.show === "thread"
  if (!head || head.dataset.unread === "0" || !looking || !shown || !opened.dataset.read) return
  head.dataset.unread = "0"
  fetch(opened.dataset.read, { method: "POST" }).then(({ ok }) => {
    if (!ok) head.dataset.unread = "1"
  }, () => { head.dataset.unread = "1" })
}

window.addEventListener("focus", see)
document.addEventListener("visibilitychange", see)

// --- the window's colour, between two refreshes ------------------------------------------------------

setInterval(() => {
  for (const time of document.querySelectorAll(".chip[data-window='green'] time[data-left]"))
    if (Date.parse(time.dateTime) - Date.now() < TWO_HOURS)
      time.closest(".chip").dataset.color = time.closest(".chip").dataset.window = "orange"
}, 20_000)

// --- who answers: a field that searches, a list the arrows walk --------------------------------------

const options = () => [...document.querySelectorAll("#assign-list [role=option]")].filter(({ hidden }) => !hidden)

function choose(option) {
  for (const other of document.querySelectorAll("#assign-list [role=option]")) other.setAttribute("aria-selected", other === option)
  part("assign-search").setAttribute("aria-activedescendant", option?.id ?? "")
  option?.scrollIntoView({ block: "nearest" })
}

document.addEventListener("input", event => {
  if (event.target.id !== "assign-search") return
  const wanted = plain(event.target.value)
  for (const option of document.querySelectorAll("#assign-list [role=option]"))
    option.hidden = !plain(option.dataset.name).includes(wanted)
  choose(options()[0])
})

document.addEventListener("keydown", event => {
  if (event.target.id !== "assign-search") return
  const all = options()
  const here = all.findIndex(option => option.getAttribute("aria-selected") === "true")
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step) choose(all[(here + step + all.length) % all.length])
  if (event.key === "Enter") (all[here] ?? all[0])?.click()
  if (step || event.key === "Enter") event.preventDefault()
})

const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()

arrive()
