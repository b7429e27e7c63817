"""What a serving process consists of: which RPCs, on which ports, with which connections, kept up to date."""
