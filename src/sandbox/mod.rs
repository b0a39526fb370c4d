//! The embedded AWS and the stand-ins, for drills.
