//! The bytes of a transcript: encoding, chain, signatures, verification, seal, blobs.
