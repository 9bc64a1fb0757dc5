// The call centre's page: keeps the order that is on the screen, gives it back when left, and says
// aloud which one came.

const MINUTES = 3
const screen = document.getElementById("call")
const call = () => screen.querySelector("[data-call]")

// --- the lock --------------------------------------------------------------------------------------

// A tab nobody looks at keeps nothing: its order becomes somebody else's after ten minutes.
setInterval(() => {
  if (!document.hidden && call()) fetch(call().dataset.renew, { method: "POST", headers: { "Wasl-Background": "1" } })
}, MINUTES * 60_000)

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
