"""The house's laws: each is a checker, a run over the tree, and a planted breach it catches."""
