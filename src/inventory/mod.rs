//! The keys of an account: their age, use and policy.
