"""What `index.train` is made of: what it reads, how, and what it asks of the encoder."""
