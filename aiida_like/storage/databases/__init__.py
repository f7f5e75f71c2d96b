"""SQLite and PostgreSQL: connections, statements and their time, what errors mean, and whether data have changed."""
