"""One self-contained page that shows what the tables of a run say; see docs/dashboard.md."""
