"""Drawn anime: the captioner turned round. Production variables in, pixels and their exact truth out."""
