"""Voice through bad networks, from outside: loss, jitter, and a NAT that maps anew."""
