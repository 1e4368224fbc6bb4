"""Will this customer buy in this category in the next period? From purchases to probabilities."""
