"""The commands of `aiida-like`: each is a file that is called as the command is."""
