// The order dialog: products found and added by keyboard or finger, amounts added up as they are
// typed. The server reads everything anew; this only shows what it will say.

import { combo, fold } from "./combo.js"
import "./customer.js"
import { amounts, format, parse, whole } from "./money.js"

const form = () => document.querySelector("form.order-form")

// --- when the dialog comes, and comes back with errors ---------------------------------------------

document.addEventListener("htmx:after:swap", opened)
opened()

function opened() {
  const here = form()
  if (!here || here.dataset.ready) return
  here.dataset.ready = "yes"
  here.dataset.next = here.querySelectorAll("[data-line]").length
  here.addEventListener("recount", () => recount(here))
  recount(here)
  const wrong = here.querySelector("[aria-invalid]")
  if (wrong) requestAnimationFrame(() => wrong.focus())
}

// --- finding a product -----------------------------------------------------------------------------

const search = () => document.getElementById("order-search")

combo("order-search", { choose })

document.addEventListener("keydown", event => {
  if (!form()?.contains(event.target) || event.isComposing) return
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault()
    form().requestSubmit()
  } else if (event.key === "Enter" && event.target.matches("input")) {
    // An Enter too many must not take an order: from a quantity it leads back to the search.
    event.preventDefault()
    if (event.target.closest("[data-line]")) search().focus()
  }
})

// --- lines -----------------------------------------------------------------------------------------

function choose(option) {
  const fresh = row(option.querySelector("template"))
  const known = same(fresh)
  if (known) more(known, 1)
  else add(fresh)
  search().value = ""
  fold(search(), { empty: true })
  const variant = (known ?? fresh).querySelector("select")
  if (variant && !variant.value) variant.focus()
}

// The row of a template, numbered: the server reads lines in the order of their numbers.
function row(template) {
  const number = form().dataset.next++
  const copy = document.createElement("template")
  copy.innerHTML = template.innerHTML.replaceAll("[__]", `[${number}]`)
  return copy.content.firstElementChild
}

function add(line) {
  line.classList.add("order-line-new")
  form().querySelector("[data-lines]").append(line)
  typed(line)
  line.scrollIntoView({ block: "nearest" })
}

// The line that holds the same version of the same product already.
function same(fresh) {
  const variant = version(fresh)
  if (variant) return [...form().querySelectorAll("[data-line]")].find(line => version(line) === variant)
}

const version = line => line.querySelector('[name$=".variant_id"]')?.value

function more(line, by) {
  const field = line.querySelector('[name$=".quantity"]')
  field.value = Math.min(9999, Math.max(1, (whole(field.value) ?? 0) + by))
  typed(field)
}

// A change made for people counts as typed: the sums follow, and closing asks first.
function typed(element) {
  element.dispatchEvent(new Event("input", { bubbles: true }))
}

document.addEventListener("click", event => {
  const here = form()
  if (!here?.contains(event.target)) return
  const line = event.target.closest("[data-line]")
  const button = event.target.closest("button")
  if (button?.dataset.step) more(line, Number(button.dataset.step))
  else if (button && "remove" in button.dataset) remove(line)
  else if (button && "addHint" in button.dataset) pick(button.parentElement)
  else if (button && "addFree" in button.dataset) {
    const fresh = row(here.querySelector("template[data-free-line]"))
    add(fresh)
    fresh.querySelector("input").focus()
  }
})

// What was named without its version is a line whose version is to be chosen.
function pick(hint) {
  const fresh = row(hint.querySelector("template"))
  hint.remove()
  add(fresh)
  fresh.querySelector("select")?.focus()
}

function remove(line) {
  const lines = line.parentElement
  line.remove()
  typed(lines)
  search().focus()
  fold(search())
}

// --- amounts ---------------------------------------------------------------------------------------

document.addEventListener("input", event => {
  const here = form()
  if (!here?.contains(event.target) || event.target === search()) return
  forgive(event.target)
  recount(here, event.target.name)
})

// Whoever corrects a field is no longer accused of it.
function forgive(field) {
  if (!field.hasAttribute?.("aria-invalid")) return
  field.removeAttribute("aria-invalid")
  document.getElementById(`e-${field.name}`)?.remove()
}

function recount(here, from) {
  const figures = { ...here.dataset, decimals: Number(here.dataset.decimals) }
  const show = minor => `${format(minor, figures)}\u00a0${figures.currency}`
  const lines = [...here.querySelectorAll("[data-line]")].map(line => sum(line, figures, show))
  const catalog = amounts(lines.map(([quantity = 0, price = 0]) => [quantity, price])).catalog
  here.querySelector("[data-catalog]").textContent = show(catalog)
  here.dataset.catalog = catalog
  const given = agree(here, from, catalog, figures)
  const fee = read(here.delivery_fee, figures) ?? 0
  const readable = lines.every(([quantity, price]) => quantity && price !== undefined) && !Number.isNaN(fee)
  const total = readable && given && amounts(lines, { ...given, fee })
  here.querySelector("[data-due]").textContent = total ? show(total.due) : "—"
  here.amount_due.value = total ? total.due : ""
}

// [quantity, price], undefined where it cannot be read; the line shows what they make.
function sum(line, figures, show) {
  const offer = line.querySelector("option:checked[data-price], input[data-price]")
  const own = line.querySelector('[name$=".unit_price"]')
  const price = own ? parse(own.value, figures.decimals) : offer && Number(offer.dataset.price)
  const quantity = whole(line.querySelector('[name$=".quantity"]').value)
  const known = quantity && price !== undefined && price !== null
  line.querySelector("[data-sum]").textContent = known ? show(quantity * price) : "—"
  line.querySelector("[data-unit-price]").textContent = offer?.dataset.unit ?? ""
  const short = quantity > Number(offer?.dataset.left ?? Infinity)
  const stock = line.querySelector("[data-stock]")
  stock.textContent = (short ? offer.dataset.short : offer?.dataset.say) ?? ""
  stock.classList.toggle("order-line-short", short)
  return [quantity, price ?? undefined]
}

// undefined when empty, NaN when it is no amount.
function read(field, { decimals }) {
  return field.value.trim() === "" ? undefined : parse(field.value, decimals) ?? NaN
}

// The discount and the total it leaves say the same: whichever was typed last makes the other.
// When lines change it is the discount that stays.
function agree(here, from, catalog, figures) {
  const { discount, applied_total: applied } = here
  const plain = minor => format(minor, { ...figures, group: "" })
  const untouched = from !== "discount" && read(discount, figures) === undefined
  const byTotal = from === "applied_total" || (untouched && applied.value.trim())
  applied.placeholder = plain(catalog)
  if (byTotal) {
    const left = read(applied, figures)
    discount.value = left === undefined || !(left <= catalog) ? "" : plain(catalog - left)
  } else {
    const given = read(discount, figures)
    applied.value = given === undefined || !(given <= catalog) ? "" : plain(catalog - given)
  }
  const [given, left] = [read(discount, figures), read(applied, figures)]
  here.querySelector("[data-surcharge]").hidden = !(left > catalog)
  here.querySelector("[data-reason]").hidden = !(given > 0 || here.reason.value)
  return Number.isNaN(given) || Number.isNaN(left) ? undefined : { discount: given, applied: left }
}

// --- after -----------------------------------------------------------------------------------------

// What shows the conversation fetches itself, also when the live stream is down.
document.addEventListener("order:created", event => {
  if (!event.detail.conversation) return
  const name = `conversation:${event.detail.conversation}`
  for (const element of document.querySelectorAll(`[data-live~="${CSS.escape(name)}"]`))
    element.dispatchEvent(new CustomEvent("live"))
})

// On the order's own page a move shows at once.
document.addEventListener("htmx:after:request", event => {
  const moves = event.target.closest?.("[data-moves]")
  moves?.closest("[data-live]")?.dispatchEvent(new CustomEvent("live"))
})
