// The search box in the head of the orders: what it finds so far hangs under it.

import { combo, fold } from "./combo.js"

const ID = "orders-search"

combo(ID, { choose: option => location.assign(option.dataset.href), first: () => false })

// Enter without a choice is the form's: the whole result, in the table.
document.addEventListener("keydown", event => {
  const input = event.target
  if (input.id !== ID || event.key !== "Enter" || event.isComposing) return
  if (input.getAttribute("aria-activedescendant")) return
  event.preventDefault()
  event.stopImmediatePropagation()
  input.form.requestSubmit()
}, true)

document.addEventListener("input", event => {
  if (event.target.id === ID && !event.target.value.trim()) fold(event.target, { empty: true })
})
