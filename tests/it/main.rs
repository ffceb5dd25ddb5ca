//! Everything that tests the whole program or reads data from `tests/`: one binary, a module a subject.
