"""Vision-language models beside the measurements: closed fields scored by probability, prose generated."""
