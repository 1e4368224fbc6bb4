"""Product pictures: opened without trust, and turned into vectors."""
