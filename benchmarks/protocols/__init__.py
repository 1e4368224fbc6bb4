"""The published protocols: how their files are read, divided, asked and measured."""
