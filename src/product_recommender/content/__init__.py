"""What a product says and shows: its text, its content hashes, and which vectors are known."""
