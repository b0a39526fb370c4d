//! Where runs are kept, and the register of all of them.
