"""What the storms of crashes share: a bundle, its stages, places of stores, and processes."""
