"""The second hand: another studio that draws the same scripts. Held out; frozen by hash before estimators are judged.

It shares with the first hand what is said (script, camera path, exposure sheet, truth) and nothing of how it is drawn:
puppets of polygons and ellipses, gouache and geometry behind them, an upscaled, grainy, harder-coded picture.
"""
