"""The offline ceremony of an index: holders make keys and sign root, targets, claimed, unclaimed, on no network."""
