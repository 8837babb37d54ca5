"""From mouth to ear through two Chromiums."""
