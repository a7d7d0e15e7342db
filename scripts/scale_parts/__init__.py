"""What `bench_scale.py` is made of: its rows, its stand-in for the encoder, its clock."""
