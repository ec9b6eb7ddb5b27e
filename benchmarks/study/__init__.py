"""Studies of the trainer on drawn beds whose truth is known. Each is a target of its own and takes its time."""
