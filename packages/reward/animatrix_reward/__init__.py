"""Reward: what animators say of clips, how far they agree, and what is learned from them."""
