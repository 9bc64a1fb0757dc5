// The cities of a zone as chips: typed with suggestions, pasted by the list, taken away by a tap.
// The textarea under them is what is posted; without this script it is what people fill in.

const several = /[\n;,،]+/

document.addEventListener("htmx:after:swap", dress)
dress()

function dress() {
  for (const box of document.querySelectorAll("textarea[data-chips]:not([hidden])")) build(box)
}

function build(box) {
  const input = document.createElement("input")
  const options = document.createElement("datalist")
  const chips = document.createElement("div")
  options.id = "zone-cities"
  Object.assign(input, { className: "input", id: "add-city", type: "text", dir: "auto", autocomplete: "off", placeholder: box.dataset.sayAdd })
  input.setAttribute("aria-label", box.dataset.sayAdd)
  input.setAttribute("list", options.id)
  chips.className = "chips"
  box.before(input, options, chips)
  box.hidden = true
  box.labels[0].htmlFor = input.id
  const field = { box, input, options, chips, names: [] }
  add(field, box.value)
  listen(field)
}

function listen(field) {
  const { input, chips } = field
  input.addEventListener("input", event => {
    // A choice from the list comes as a replacement, not as typing.
    const chosen = !event.inputType || event.inputType === "insertReplacementText"
    if (chosen || several.test(input.value)) take(field)
    else suggest(field)
  })
  input.addEventListener("paste", event => {
    const text = event.clipboardData.getData("text")
    if (!several.test(text)) return
    event.preventDefault()
    add(field, text)
  })
  input.addEventListener("keydown", event => {
    if (event.key === "Enter") {
      event.preventDefault()
      take(field)
    } else if (event.key === "Backspace" && !input.value) remove(field, field.names.length - 1)
  })
  // What was typed and not confirmed is meant all the same.
  input.form.addEventListener("submit", () => take(field), { capture: true })
  input.addEventListener("change", () => take(field))
  chips.addEventListener("click", event => {
    const chip = event.target.closest(".city-chip")
    if (!chip) return
    remove(field, [...chips.children].indexOf(chip))
    input.focus()
  })
}

function take(field) {
  add(field, field.input.value)
  field.input.value = ""
  field.options.replaceChildren()
}

function add(field, text) {
  for (const name of text.split(several).map(each => each.trim()).filter(Boolean))
    if (!field.names.includes(name)) field.names.push(name)
  show(field)
}

function remove(field, index) {
  if (index < 0) return
  field.names.splice(index, 1)
  show(field)
}

function show({ box, chips, names }) {
  box.value = names.join("\n")
  chips.replaceChildren(...names.map(name => {
    const chip = document.createElement("button")
    Object.assign(chip, { type: "button", className: "city-chip", dir: "auto", textContent: name })
    chip.setAttribute("aria-label", box.dataset.sayRemove.replace("{name}", name))
    return chip
  }))
}

let waiting
async function suggest({ box, input, options }) {
  clearTimeout(waiting)
  waiting = setTimeout(async () => {
    const q = input.value.trim()
    if (!q) return
    try {
      const answer = await fetch(`${box.dataset.cities}?${new URLSearchParams({ q })}`)
      if (answer.ok && input.value.trim() === q) options.innerHTML = await answer.text()
    } catch { /* no connection: the name can be typed whole */ }
  }, 150)
}
