"""The doors over HTTP: the customer's API and pages. Thin: every rule lives further in."""
