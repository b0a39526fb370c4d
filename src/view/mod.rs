//! Pure projections of a run for people: what a screen, a line or a report says, not how it is drawn.
