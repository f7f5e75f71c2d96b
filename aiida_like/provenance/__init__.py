"""Provenance in the formats of others: W3C PROV and RO-Crate, of the optional part `provenance`."""
