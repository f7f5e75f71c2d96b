"""Curves, bands, bars and heat maps."""
