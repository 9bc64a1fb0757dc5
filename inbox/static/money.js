// Amounts as integer minor units, read and added up exactly as the server does
// (models/types.py Money.parse, flows/orders/amounts.py). No page in here: node runs the tests.

const PLAIN = /^([+-]?)(\d+)(?:[.,](\d*))?$/
const GROUPED = [
  /^([+-]?)([1-9]\d{0,2}(?:\.\d{3})+)(?:,(\d*))?$/,
  /^([+-]?)([1-9]\d{0,2}(?:,\d{3})+)(?:\.(\d*))?$/,
]
const MOST = 1e13

// "1 250,50" → 125050 with two decimals; undefined when it is no amount.
export function parse(text, decimals) {
  const plain = latin(text.normalize("NFKC")).replace(/[\s'\u2019\u066c]/g, "").replace(/[\u066b\u060c]/g, ",")
  const patterns = decimals === 3 ? [PLAIN, ...GROUPED] : [...GROUPED, PLAIN]
  const match = patterns.map(pattern => pattern.exec(plain)).find(Boolean)
  if (!match) return undefined
  const [, sign, whole, fraction = ""] = match
  const extra = fraction.slice(decimals)
  const minor = Number(whole.replace(/[.,]/g, "") + fraction.slice(0, decimals).padEnd(decimals, "0"))
  if (/[1-9]/.test(extra) || minor > MOST) return undefined
  return sign === "-" ? 0 - minor : minor
}

// A count as typed: "٣" → 3; undefined when it is none.
export function whole(text) {
  const plain = latin(text.normalize("NFKC").trim())
  return /^\d{1,9}$/.test(plain) ? Number(plain) : undefined
}

// 125050 → "1 250,50" in the reader's figures: {decimals, point, group}.
export function format(minor, { decimals, point, group }) {
  const digits = String(Math.abs(minor)).padStart(decimals + 1, "0")
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, group)
  const fraction = decimals ? point + digits.slice(-decimals) : ""
  return (minor < 0 ? "-" : "") + whole + fraction
}

// catalogue total = Σ quantity × price; the discount lies between nothing and that total;
// amount due = what is left, plus the delivery fee. undefined where the server would refuse.
export function amounts(lines, { discount, applied, fee = 0 } = {}) {
  const catalog = lines.reduce((sum, [quantity, price]) => sum + quantity * price, 0)
  const left = applied ?? catalog - (discount ?? 0)
  const given = catalog - left
  if (left < 0 || given < 0 || (discount !== undefined && discount !== given)) return undefined
  return { catalog, applied: left, discount: given, fee, due: left + fee }
}

function latin(text) {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, digit => digit.charCodeAt(0) & 15)
}
