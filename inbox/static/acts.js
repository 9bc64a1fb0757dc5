// What somebody does on a page that shows one thing: as soon as it is done the thing shows itself
// anew, also when the live stream is down.

document.addEventListener("htmx:after:request", event => {
  refresh(event.target.closest?.("[data-act]")?.closest("[data-live]"))
})

// The dialog that changed an order is outside of what shows it.
document.addEventListener("order:changed", () => refresh(document.getElementById("order")))

function refresh(shown) {
  shown?.dispatchEvent(new CustomEvent("live"))
}
