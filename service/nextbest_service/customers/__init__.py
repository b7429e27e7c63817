"""What is known of persons, and how it changes: pure values and functions, free of store and transport."""
