"""One file per method, in folders by what it learns from."""
