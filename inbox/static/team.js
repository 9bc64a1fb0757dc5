// The team's page: a link is copied with one press.

document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy]")
  if (!button) return
  const field = document.querySelector(button.dataset.copy)
  field.select()
  try {
    await navigator.clipboard.writeText(field.value)
  } catch {
    document.execCommand("copy") // without https a page has no clipboard of its own
  }
  const text = button.querySelector("span")
  text.textContent = button.dataset.said
})
