"""The WhatsApp edge: webhook, reading, sending, the simulator; the only floor that knows pywa."""
