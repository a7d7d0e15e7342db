"""Vectors that stay in Parquet files of the lake, with only their places in the store."""
