"""Runs unmodified client libraries against a real server and judges what they saw and heard."""
