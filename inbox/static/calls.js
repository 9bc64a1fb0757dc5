// The call centre's page: keeps the order that is on the screen, gives it back when left, and says
// aloud which one came.

const MINUTES = 3
const LONGEST_ABSENT = 60 * 60_000
const screen = document.getElementById("call")
const call = () => screen.querySelector("[data-call]")

// --- the lock --------------------------------------------------------------------------------------

// A page that is open keeps its order, also behind the conversation's tab; one that nobody touched
// for an hour does not.
let touched = Date.now()
for (const sign of ["keydown", "pointerdown", "visibilitychange"])
  document.addEventListener(sign, () => { touched = Date.now() })

setInterval(renew, MINUTES * 60_000)

async function renew() {
  if (!call() || Date.now() - touched > LONGEST_ABSENT) return
  const answer = await fetch(call().dataset.renew, { method: "POST", headers: { "Wasl-Background": "1" } }).catch(() => undefined)
  if (answer?.status === 409) refresh()
}

// What somebody else did meanwhile is on the screen, not only in a note that goes away.
function refresh() {
  document.getElementById("call-order")?.dispatchEvent(new CustomEvent("live"))
}

document.addEventListener("htmx:after:request", event => {
  if (event.target.id === "call-form" && event.detail.ctx.response?.status === 409) refresh()
})

addEventListener("pagehide", () => {
  if (call()) navigator.sendBeacon(screen.dataset.release)
})
// Out of the browser's memory the page shows an order it has given back.
addEventListener("pageshow", event => event.persisted && location.reload())

// --- the next order --------------------------------------------------------------------------------

document.addEventListener("htmx:after:swap", event => {
  if (event.target !== screen) return
  screen.querySelector(".call-order")?.scrollTo(0, 0)
  const first = screen.querySelector("[data-call-title]") ?? screen.querySelector("button[autofocus]")
  first?.focus({ preventScroll: true })
})

// The address of one order asked for is not the address of the next.
document.addEventListener("htmx:before:request", () => {
  if (location.search) history.replaceState(null, "", location.pathname)
})
