// Recovery codes leave the page: copied, or printed.

const say = text => document.dispatchEvent(new CustomEvent("toasts", { detail: { notes: [{ text, kind: "good" }] } }))

document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy], [data-print]")
  if (!button) return
  if ("print" in button.dataset) return window.print()
  const lines = [...document.getElementById(button.dataset.copy).children].map(line => line.textContent)
  await navigator.clipboard.writeText(lines.join("\n"))
  say(button.dataset.said)
})
