//! The transcript as HTML and CSV.
