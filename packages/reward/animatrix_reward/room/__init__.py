"""The room where animators look at clips frame by frame and say what is art and what is failure."""
