"""The command line: options in, exit codes out; what is done lies in the modules beside it."""
