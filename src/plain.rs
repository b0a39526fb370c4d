//! The same views as lines: for CI, pipes and screen readers.
