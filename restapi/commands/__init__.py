"""The commands of `aiida-like`, each in a file of its name."""
