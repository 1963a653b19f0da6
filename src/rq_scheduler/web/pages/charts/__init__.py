"""Charts: data in, SVG out. Pure.

Made without a viewBox: x in per cent, y in pixels, so that one chart stretches from a phone to a wide screen and its
marks keep their shape. Colors and sizes of text are the style sheet's.
"""
