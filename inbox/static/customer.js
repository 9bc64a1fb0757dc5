// Whose order it is, in the order dialog: a customer found and picked, what is known of the number
// that was typed, orders that look the same, and what delivery costs there.

import { combo, fold } from "./combo.js"
import { format, parse } from "./money.js"

const form = () => document.querySelector("form.order-form")
const digits = (text, least) => /^[\s\d+().٠-٩-]+$/.test(text) && text.replace(/\D/gu, "").length >= least || /[٠-٩]{4,}/.test(text)

// --- picking ---------------------------------------------------------------------------------------

combo("f-name", { choose: pick, first: input => digits(input.value, 4) })

function pick(option, input) {
  const here = form()
  const { customer, name, phone, email } = option.dataset
  fold(input, { empty: true })
  here.elements.name.value = name
  if (phone) here.elements.phone.value = phone
  here.elements.email.value = email
  here.elements.customer_id.value = customer
  here.dataset.picked = "yes"
  changed(here)
  look("order-known")
  look("order-twins")
}

function changed(here) {
  here.elements.name.dispatchEvent(new Event("change", { bubbles: true }))
  for (const field of [here.elements.name, here.elements.phone]) forgive(field)
}

function forgive(field) {
  field.removeAttribute("aria-invalid")
  document.getElementById(`e-${field.name}`)?.remove()
}

// A number typed where the name goes was meant as the number.
document.addEventListener("focusout", event => {
  const here = form()
  if (!here || event.target !== here.elements.name || event.target.getAttribute("role") !== "combobox") return
  const { name, phone } = here.elements
  if (!digits(name.value, 6) || phone.value.trim()) return
  phone.value = name.value.trim()
  name.value = ""
  look("order-known")
})

// --- what is known ---------------------------------------------------------------------------------

function look(id) {
  document.getElementById(id)?.dispatchEvent(new CustomEvent("look"))
}

document.addEventListener("input", event => {
  const here = form()
  if (!here?.contains(event.target)) return
  const { name } = event.target
  if (name === "phone") look("order-known")
  if (name === "phone" || event.target.closest("[data-lines]")) look("order-twins")
  if (name === "name") named(here)
  if (name === "delivery_fee") {
    here.elements.fee_typed.value = "1"
    here.querySelector("[data-fee-note]").textContent = ""
  }
  else if (FEE_ASKS.test(name) || event.target.closest("[data-lines]")) ask()
})

// An existing card keeps its name: say so as soon as another one is typed.
function named(here) {
  const note = here.querySelector("[data-name-kept]")
  if (note) note.hidden = ["", note.dataset.nameKept].includes(here.elements.name.value.trim())
}

document.addEventListener("htmx:after:swap", event => {
  const here = form()
  if (!here) return
  named(here)
  if (!here.dataset.looked) {
    here.dataset.looked = "yes"
    look("order-twins")
  }
  ask()
  if (event.target.id !== "order-known") return
  if (!here.elements.name.value.trim()) called(here)
  if (here.dataset.picked) onward(here)
})

// Somebody whose number was typed first has a name already.
function called(here) {
  const note = here.querySelector("[data-name-kept]")
  if (note && document.activeElement !== here.elements.name) here.elements.name.value = note.dataset.nameKept
}

document.addEventListener("click", event => {
  const here = form()
  if (!here || !event.target.closest("[data-unpick]")) return
  here.elements.customer_id.value = ""
  look("order-known")
  here.elements.name.focus()
})

// After a customer was picked typing goes on at the first thing that is still missing.
function onward(here) {
  delete here.dataset.picked
  const known = here.querySelector("#order-places [name=address_id]")
  const next = here.elements.phone.value ? known ? document.getElementById("order-search") : here.elements.address : here.elements.phone
  next.focus()
}

// --- cities ----------------------------------------------------------------------------------------

let listing

document.addEventListener("input", event => {
  const field = event.target
  if (!field.dataset?.cities) return
  clearTimeout(listing)
  listing = setTimeout(() => suggest(field), 150)
})

async function suggest(field) {
  const typed = field.value.trim()
  const options = document.getElementById(field.getAttribute("list"))
  if (typed.length < 2 || [...options.children].some(option => option.value === typed)) return
  try {
    const answer = await fetch(`${field.dataset.cities}?${new URLSearchParams({ q: typed })}`, { headers: { Accept: "application/json" } })
    if (!answer.ok || field.value.trim() !== typed) return
    options.replaceChildren(...(await answer.json()).map(({ name, other }) => new Option(other, name)))
  } catch { /* no connection: typing goes on */ }
}

// --- what delivery costs ---------------------------------------------------------------------------

const FEE_ASKS = /^(city|address_id|delivery_kind|discount|applied_total)$/
let asked = ""
let waiting

// The zone's fee for this city, this way and this total, unless somebody typed another.
function ask() {
  clearTimeout(waiting)
  waiting = setTimeout(fee, 250)
}

async function fee() {
  const here = form()
  if (!here || here.elements.fee_typed.value) return
  const question = new URLSearchParams({ city: city(here), kind: kind(here), total: total(here) })
  const key = `${here.elements.client_id.value} ${question}`
  if (!city(here) || key === asked) return
  asked = key
  try {
    const answer = await fetch(`${here.dataset.fee}?${question}`, { headers: { Accept: "application/json" } })
    if (answer.ok && asked === key && !here.elements.fee_typed.value) fill(here, await answer.json())
  } catch { /* no connection: the fee that stands there stays */ }
}

function fill(here, { fee: minor, free, known, offered }) {
  const { sayFree, sayUsual, sayNotOffered } = here.dataset
  here.querySelector("[data-fee-note]").textContent = free ? sayFree : !offered ? sayNotOffered : known ? "" : sayUsual
  const field = here.elements.delivery_fee
  const figures = { ...here.dataset, decimals: Number(here.dataset.decimals), group: "" }
  const text = format(minor, figures)
  if (field.value === text) return
  field.value = text
  here.dispatchEvent(new CustomEvent("recount"))
}

function city(here) {
  const saved = here.querySelector("[name=address_id]:checked")
  return saved?.value ? saved.dataset.city : here.elements.city.value.trim()
}

const kind = here => here.querySelector("[name=delivery_kind]:checked")?.value ?? "home"

function total(here) {
  const decimals = Number(here.dataset.decimals)
  return parse(here.elements.applied_total.value, decimals) ?? Number(here.dataset.catalog ?? 0)
}
