// What a button copies: data-copy names a field or a list, data-copy-text is the text itself.

const say = text => document.dispatchEvent(new CustomEvent("toasts", { detail: { notes: [{ text, kind: "good" }] } }))

document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy], [data-copy-text]")
  if (button && await copied(textOf(button), button)) say(button.dataset.said)
})

function textOf({ dataset }) {
  const from = document.getElementById(dataset.copy)
  return dataset.copyText ?? from.value ?? [...from.children].map(line => line.textContent).join("\n")
}

async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Without https a page has no clipboard of its own: a field that is selected can still be copied.
    const field = Object.assign(document.createElement("textarea"), { value: text })
    button.after(field)
    field.select()
    const done = document.execCommand("copy")
    field.remove()
    button.focus()
    return done
  }
}
