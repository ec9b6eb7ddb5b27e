"""What a model is told about a clip: tags, text, and how much of either it may see."""
