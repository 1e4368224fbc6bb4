"""What a person reads who asks for recommendations, or how the models compare."""
