// The country fills in currency and time zone, until somebody chooses another.

const country = document.querySelector("[data-fills]")
const [currency, zone] = ["currency", "time_zone"].map(name => document.getElementById(`f-${name}`))
const chosen = new Set()

for (const field of [currency, zone]) {
  if (field.value) chosen.add(field)
  field.addEventListener("change", () => chosen.add(field))
}

function fill() {
  const { dataset } = country.selectedOptions[0]
  if (!chosen.has(currency)) currency.value = dataset.currency
  if (!chosen.has(zone)) zone.value = dataset.zone
}
country.addEventListener("change", fill)
fill()
