"""The network and the codec it works behind."""
