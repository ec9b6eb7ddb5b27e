"""Which windows of which clips make up a batch, and how they are read."""
