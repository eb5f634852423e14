"""How a simulated light curve comes about: stars, bodies, the star's own light, sampling, noise and systematics.

`lcnet.transits.simulate` is the verb; each file here is one ingredient, functions of plain arrays without astropy.
"""
