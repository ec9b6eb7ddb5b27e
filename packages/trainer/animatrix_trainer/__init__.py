"""The trainer: shards in, a video model out that obeys production tags."""
