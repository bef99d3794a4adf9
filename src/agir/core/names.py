"""The static tables of names: what `agir tasks`, `agir methods` and `agir claims` list, without importing JAX.

Each row: name -> ("module:attribute", "one line"). A test holds them against the code. A task's name is the part before
the first slash (`lasa/Sine` asks the family `lasa` for `Sine`); a family is called with the rest of the name.
"""

TASKS: dict[str, tuple[str, str]] = {}

METHODS: dict[str, tuple[str, str]] = {}

NETWORKS: dict[str, tuple[str, str]] = {}

READERS: dict[str, tuple[str, str]] = {}

CLAIMS: dict[str, tuple[str, str]] = {}

TABLES = {"task": TASKS, "method": METHODS, "network": NETWORKS, "reader": READERS, "claim": CLAIMS}
