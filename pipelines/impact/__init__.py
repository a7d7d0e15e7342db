"""What goes with a theme: its association with outcomes, and what changed after it was fixed."""
