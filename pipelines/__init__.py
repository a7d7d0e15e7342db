"""Reading, storing, linking, judging and writing back: everything that touches the world."""
