//! Tokens: `base64(user id).x.y`, opaque, 256 random bits, stored as SHA-256.
