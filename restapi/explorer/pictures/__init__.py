"""Numbers -> pictures: pure functions that know no HTTP and no database."""
