"""What ``pitchrope plot`` draws: from recordings and trained runs to arrays."""
