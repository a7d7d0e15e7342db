"""What is to be done about customers, themes and words: raised by rules, kept until delivered."""
