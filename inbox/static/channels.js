// Copy buttons: data-copy names a field, data-copy-text is the text itself.

document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy], [data-copy-text]")
  if (!button) return
  const field = document.getElementById(button.dataset.copy)
  field?.select()
  try {
    await navigator.clipboard.writeText(field?.value ?? button.dataset.copyText)
  } catch {
    // Without https there is no clipboard: what was selected can still be copied by hand.
    if (!field || !document.execCommand("copy")) return
  }
  const words = button.textContent
  if (button.dataset.words) return
  button.dataset.words = words
  button.textContent = button.dataset.sayCopied
  setTimeout(() => { button.textContent = button.dataset.words; delete button.dataset.words }, 1500)
})
