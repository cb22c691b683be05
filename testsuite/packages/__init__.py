"""Real packages by the tree route: their own sources built, their own tests run, both compared."""
