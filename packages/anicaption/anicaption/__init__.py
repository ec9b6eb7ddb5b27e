"""AniCaption: the production variables of anime, what they are, how they are read from pixels and drawn into them."""
