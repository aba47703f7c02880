//! Benchmarks: each against a bare peer that does the least that could be called the same job, in the same run.
