"""What programs that watch earful see of it: its log, its traces and its metrics."""
