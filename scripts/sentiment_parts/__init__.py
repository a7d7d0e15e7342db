"""What `train_sentiment.py` is made of."""
