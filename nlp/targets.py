def find_target(text, lang): return None
