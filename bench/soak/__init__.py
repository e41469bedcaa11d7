"""Long watches over our own index under mixed load: `python -m bench.soak`; errors, memory and descriptors."""
