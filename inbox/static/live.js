// Screens that stay true: hears from the stream what changed and lets those parts fetch themselves.
//   data-live="conversation:<id> inbox" + hx-get + hx-trigger="live"   refreshes through htmx
//   data-live="board" alone                                            hears a DOM event "live"
// One tab of the browser holds the connection (Web Locks) and tells the others (BroadcastChannel):
// a browser opens six connections to one server and a call centre opens ten tabs.

const meta = document.querySelector('meta[name="wasl-live"]')
const EVERYTHING = "*"
const TICKET_MINUTES = 12
const REMEMBERED = 500
const PULSE_SECONDS = 10

let since = Number(meta.dataset.since)
const tabs = new BroadcastChannel("wasl-live")
const recent = [] // what the leader heard lately, for tabs that open in the meantime
const stale = new Set()
let source

tabs.addEventListener("message", ({ data }) => {
  if (data.names) hear(data.names)
  if (data.state) state(data.state)
  if (data.since && source) answer(data.since)
})
tabs.postMessage({ since })

if (navigator.locks) navigator.locks.request("wasl-live", () => new Promise(connect))
else connect(() => {})

// --- the leader ------------------------------------------------------------------------------------

// Signed out, a tab steps back: another may be signed in again.
async function connect(stepBack) {
  const wait = await ticket()
  if (wait === "never") return stepBack()
  if (wait) return setTimeout(connect, wait, stepBack)
  source = new EventSource(`${meta.content}/live?since=${since}`, { withCredentials: true })
  source.addEventListener("open", () => told({ state: "on" }))
  source.addEventListener("change", event => {
    since = Number(event.lastEventId)
    const names = JSON.parse(event.data)
    recent.push({ at: since, names })
    if (recent.length > REMEMBERED) recent.shift()
    told({ names })
  })
  source.addEventListener("error", () => {
    told({ state: "lost" })
    // The browser knocks again by itself, unless the answer was no: then with a new ticket.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, pause(), stepBack)
  })
}

// Milliseconds to wait before trying again, 0 with a ticket in hand, "never" when signed out.
async function ticket() {
  try {
    const answer = await fetch("/live-ticket", { method: "POST", headers: { "Wasl-Background": "1" } })
    if (answer.status === 401 || answer.status === 403) return "never"
    if (answer.ok) return 0
  } catch { /* no connection: told below */ }
  told({ state: "lost" })
  return pause()
}
setInterval(() => source && ticket(), TICKET_MINUTES * 60_000)

const pause = () => 1500 + Math.random() * 2500

function answer(from) {
  const covered = recent.length && recent[0].at <= from
  const names = recent.filter(({ at }) => at > from - 2000).flatMap(({ names }) => names)
  if (names.length || !covered) tabs.postMessage({ names: recent.length && !covered ? [EVERYTHING] : names })
}

function told(message) {
  tabs.postMessage(message)
  if (message.names) hear(message.names)
  if (message.state) state(message.state)
}

// --- every tab -------------------------------------------------------------------------------------

function hear(names) {
  for (const element of document.querySelectorAll("[data-live]"))
    if (names.includes(EVERYTHING) || element.dataset.live.split(" ").some(name => names.includes(name)))
      stale.add(element)
  if (!document.hidden) refresh()
}

// A tab nobody looks at asks for nothing until somebody does.
document.addEventListener("visibilitychange", () => document.hidden || (refresh(), pulse()))

// Whatever died cannot say so: the line in the foot of the menu asks by itself.
setInterval(pulse, PULSE_SECONDS * 1000)
function pulse() {
  if (!document.hidden) document.getElementById("pulse")?.dispatchEvent(new CustomEvent("live"))
}

function refresh() {
  for (const element of stale) if (element.isConnected) element.dispatchEvent(new CustomEvent("live"))
  stale.clear()
}

let losing
function state(now) {
  // A hiccup is nobody's business; eight seconds of silence are, however often we knock meanwhile.
  if (now !== "on") return void (losing ??= setTimeout(() => { document.documentElement.dataset.live = "lost" }, 8000))
  losing = clearTimeout(losing)
  document.documentElement.dataset.live = "on"
}
