"""Which products stand beside a product: substitutes, complements, and the better one above it."""
