"""Care of a ROOT: it is made, checked, mended, tidied and copied."""
