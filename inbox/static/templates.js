// The form of a template: what depends on what somebody types in it. The phone beside it is drawn by
// the server, from the same form.

const form = document.getElementById("template-form")
const part = id => document.getElementById(id)
const BLANK = /\{\{\s*(\w+)\s*\}\}/g

const changed = () => form.querySelector("[hx-post]").dispatchEvent(new CustomEvent("template:changed"))

// --- counters, and what stands above the text --------------------------------------------------------

function count() {
  for (const shown of form.querySelectorAll("[data-count]")) {
    // Meta counts letters as people do, not halves of emoji.
    const length = [...part(`f-${shown.dataset.count}`).value].length
    shown.firstElementChild.textContent = `${length}/${shown.dataset.limit}`
    shown.toggleAttribute("data-over", length > Number(shown.dataset.limit))
  }
}

const TAKES = { image: "image/jpeg,image/png", video: "video/mp4", document: "application/pdf" }

function header() {
  const chosen = form.elements.header.value
  for (const one of form.querySelectorAll("[data-header]"))
    one.hidden = !one.dataset.header.split(" ").includes(chosen)
  part("f-file").accept = TAKES[chosen] ?? ""
  for (const button of form.querySelectorAll(".tpl-button[data-kind=url]")) {
    const end = button.querySelector("[data-link-end]")
    end.hidden = !/\{\{/.test(button.querySelector("[name$='.value']").value)
  }
}

// A file of one kind is not a file of another.
form.addEventListener("change", event => {
  if (event.target.name !== "header") return
  part("f-file").value = ""
  part("file").replaceChildren()
})

// --- variables, each with its example ---------------------------------------------------------------

function blanks() {
  const found = []
  for (const box of form.querySelectorAll("[data-blanks]")) {
    if (box.closest("[hidden]")) continue
    for (const [, name] of box.value.matchAll(BLANK)) {
      const field = `examples.${box.dataset.blanks}.${name}`
      if (!found.some(one => one.field === field)) found.push({ field, name })
    }
  }
  return found
}

function examples() {
  const rows = new Map([...part("examples").children].map(row => [row.dataset.example, row]))
  const wanted = blanks().map(({ field, name }) => rows.get(field) ?? example(field, name))
  const same = wanted.length === part("examples").childElementCount && wanted.every((row, n) => row === part("examples").children[n])
  if (!same) part("examples").replaceChildren(...wanted)
  const next = part("f-body").value.match(BLANK) ?? []
  form.querySelector("[data-next]").textContent = `{{${new Set(next).size + 1}}}`
}

const forgotten = new Map() // an example whose variable was cut, and perhaps comes back

function example(field, name) {
  const row = part("example-row").content.firstElementChild.cloneNode(true)
  const input = row.querySelector("input")
  row.dataset.example = input.name = field
  input.id = row.querySelector("label").htmlFor = `f-${field}`
  input.value = forgotten.get(field) ?? ""
  row.querySelector("[data-blank]").textContent = `{{${name}}}`
  return row
}

form.addEventListener("input", event => {
  if (event.target.name?.startsWith("examples.")) forgotten.set(event.target.name, event.target.value)
})

function insert() {
  const box = part("f-body")
  const blank = form.querySelector("[data-next]").textContent
  const before = box.value.slice(0, box.selectionStart)
  box.setRangeText(`${/\S$/.test(before) ? " " : ""}${blank} `, box.selectionStart, box.selectionEnd, "end")
  box.focus()
  box.dispatchEvent(new Event("input", { bubbles: true }))
}

form.querySelector("[data-insert]").addEventListener("click", insert)
form.addEventListener("keydown", event => {
  if (event.altKey && event.code === "KeyV" && event.target === part("f-body")) {
    event.preventDefault()
    insert()
  } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    form.requestSubmit(form.querySelector("[value=submit]"))
  } else if (event.key === "Enter" && event.target.matches("input:not([type=file])")) {
    event.preventDefault() // a slip of the finger must not submit a template
  }
})

// --- buttons ------------------------------------------------------------------------------------------

const MOST = { quick_reply: 10, url: 2, phone_number: 1, copy_code: 1, catalog: 1, flow: 1 }
let count_ = part("buttons").childElementCount

form.addEventListener("click", event => {
  const add = event.target.closest("[data-add]")
  const drop = event.target.closest("[data-drop]")
  if (add) {
    const row = part(`button-${add.dataset.add}`).content.firstElementChild.cloneNode(true)
    for (const input of row.querySelectorAll("input")) input.name = input.name.replace("[0]", `[${count_}]`)
    for (const input of row.querySelectorAll("[id]")) input.id += `-${count_}`
    for (const label of row.querySelectorAll("label")) label.htmlFor += `-${count_}`
    count_ += 1
    part("buttons").append(row)
    row.querySelector("input:not([type=hidden])").focus()
  } else if (drop) {
    const row = drop.closest("li")
    const next = row.nextElementSibling ?? row.previousElementSibling
    row.remove()
    ;(next?.querySelector("input:not([type=hidden])") ?? form.querySelector("[data-add]")).focus()
  } else return
  refresh()
  changed()
})

function room() {
  const rows = [...part("buttons").children]
  for (const add of form.querySelectorAll("[data-add]")) {
    const same = rows.filter(row => row.dataset.kind === add.dataset.add).length
    add.disabled = rows.length >= 10 || same >= MOST[add.dataset.add]
  }
}

// --- cards --------------------------------------------------------------------------------------------

form.querySelector("[data-more-cards]")?.addEventListener("click", ({ currentTarget }) => {
  const hidden = form.querySelectorAll(".tpl-cards > [hidden]")
  hidden[0]?.removeAttribute("hidden")
  hidden[0]?.querySelector("input").focus()
  currentTarget.hidden = hidden.length < 2
})
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.target?.id?.startsWith("card-file-") || ctx.sourceElement?.name?.startsWith("card")) changed()
})

// --- leaving without saving -----------------------------------------------------------------------------

let touched = false
form.addEventListener("input", () => { touched = true })
form.addEventListener("submit", () => { touched = false })
addEventListener("beforeunload", event => { if (touched) event.preventDefault() })

function refresh() {
  header()
  examples()
  count()
  room()
}

form.addEventListener("input", refresh)
form.addEventListener("change", refresh)
document.addEventListener("htmx:after:swap", () => {
  if (part("file")?.querySelector("[name=media]")?.dataset.told) return
  const kept = part("file")?.querySelector("[name=media]")
  if (!kept) return
  kept.dataset.told = "1"
  changed()
})
refresh()
part("f-body").closest("form").querySelector("[aria-invalid=true]")?.focus()
