"""What scripts/make_demo_data.py is made of."""
