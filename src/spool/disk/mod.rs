//! Events on the disk of this machine, in an SQLite database.
