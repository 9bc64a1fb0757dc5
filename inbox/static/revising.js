// The dialog that changes an order: what was agreed for the delivery stays until it goes elsewhere;
// then the zone's fee is proposed anew (customer.js asks), unless somebody typed one here.

document.addEventListener("input", event => {
  const here = event.target.closest?.("form.order-edit")
  if (!here) return
  if (event.target.name === "delivery_fee") here.dataset.feeTyped = "yes"
  else if (["city", "delivery_kind"].includes(event.target.name) && !here.dataset.feeTyped) here.elements.fee_typed.value = ""
})
