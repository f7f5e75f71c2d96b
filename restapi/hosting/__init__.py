"""Applications: one for a profile, one for several, and the pages that are no part of a dialect."""
