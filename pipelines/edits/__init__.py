"""What people decide about themes: asked, checked, logged, and applied by every run."""
