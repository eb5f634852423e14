"""The training core: one contract (`Task`) for every science. It knows no astronomy and imports none of it."""
