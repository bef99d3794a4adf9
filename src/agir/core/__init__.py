"""The nouns as protocols, specs, keys, lanes, `when`, errors: nothing of agir is below it."""
