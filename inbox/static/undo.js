// What a person just did by hand can be taken back: a note with a button, and the key z while it
// is there. The server says so with the event "undoable" {text, undo, url, version}.

const STAYS = 12_000
let shown

document.addEventListener("undoable", ({ detail }) => {
  shown?.remove()
  const toasts = document.getElementById("toasts")
  const note = document.getElementById("toast-of-good").content.firstElementChild.cloneNode(true)
  note.querySelector("p").textContent = detail.text
  note.querySelector("p").after(button(detail))
  ;(document.querySelector("dialog[open]") ?? document.body).append(toasts)
  toasts.append(note)
  shown = note
  setTimeout(() => note.remove(), STAYS)
})

function button({ undo, url, version }) {
  const made = document.createElement("button")
  made.type = "button"
  made.className = "button button-small toast-undo"
  made.dataset.key = "z"
  made.append(undo)
  made.addEventListener("click", () => {
    made.disabled = true
    // The note may go before the answer comes; what it says must still reach the page.
    htmx.ajax("POST", url, { source: document.body, target: document.body, swap: "none", values: { version } })
    shown?.remove()
  })
  const cap = document.createElement("kbd")
  cap.ariaHidden = "true"
  cap.textContent = "Z"
  made.append(cap)
  return made
}
