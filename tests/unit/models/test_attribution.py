"""What outcomes mean for learning: every rule of attribution."""
